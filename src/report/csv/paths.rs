//! Why objects are alive, a row a path.

use std::io::{self, Write};

use crate::analysis::Paths;
use crate::heap::Heap;
use crate::report::text::visible;

/// Writes a row for each path, and one without a text for what nothing reaches.
///
/// # Errors
/// What `out` says.
pub fn paths(out: &mut dyn Write, found: &Paths, heap: &Heap) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record([
        "path",
        "count",
        "bytes",
        "direct",
        "inferred",
        "native_references",
        "holder",
        "holder_address",
        "example",
        "fingerprint",
    ])?;
    for way in &found.ways {
        let address = |id| heap.objects.addr(id).to_string();
        let direct = way.sum.count.saturating_sub(way.behind.as_ref().map_or(0, |behind| behind.count));
        let holder = way.holder.as_ref();
        rows.write_record([
            visible(&way.text).as_ref(),
            &way.sum.count.to_string(),
            &way.sum.bytes.to_string(),
            &direct.to_string(),
            &way.inferred.to_string(),
            &way.native.map_or_else(String::new, |n| n.to_string()),
            visible(holder.map_or("", |holder| &holder.text)).as_ref(),
            &holder.and_then(|holder| holder.object).map_or_else(String::new, address),
            &address(way.example),
            &way.fingerprint,
        ])?;
    }
    if found.unreached.count > 0 {
        let [count, bytes] = [found.unreached.count, found.unreached.bytes].map(|n| n.to_string());
        rows.write_record(["", &count, &bytes, "", "", "", "", "", "", ""])?;
    }
    rows.flush()
}
