//! A verdict → sentences for a person: the verdict first, then its evidence. Decides nothing.

use super::scale::{lasting, moment};
use crate::analysis::trend::is_building_block;
use crate::analysis::verdict::{Carrier, Finding, Jump, Kind, Verdict};
use crate::report::number::{iec_average, percent, thousands};
use crate::report::text::visible;

/// Carriers that are named.
const NAMED: usize = 3;
/// A jump that took longer than this part of the recording has a beginning and an end.
const AT_ONCE: f64 = 0.12;

/// The verdict in one sentence.
#[must_use]
pub fn headline(found: &Finding<'_>) -> String {
    let verdict = &found.verdict;
    match verdict.kind {
        Kind::Leak => leak(verdict),
        Kind::Surge => surge(verdict),
        Kind::EarlyExplosion => format!(
            "Early explosion: memory filled up by {} to {} and has been flat since.",
            verdict.filled.map_or_else(String::new, |at| moment(at, "%H:%M:%S")),
            iec_average(verdict.envelope.1),
        ),
        Kind::Sawtooth if verdict.teeth.count > 1 => {
            "Sawtooth: no trend. What rises is given back; this is how a healthy process looks.".to_owned()
        }
        Kind::Sawtooth => "Sawtooth: no trend. Memory stays where it is.".to_owned(),
        Kind::TooShort => {
            format!("Too short to say: {} looks in {}.", thousands(verdict.points as u64), lasting(verdict.span))
        }
    }
}

fn leak(verdict: &Verdict) -> String {
    let Some(trend) = verdict.trend else { return "Leak.".to_owned() };
    format!(
        "Leak: memory grows by {} (95% interval {} to {}), and nothing takes it back.",
        rate(trend.slope),
        rate(trend.low),
        rate(trend.high)
    )
}

fn surge(verdict: &Verdict) -> String {
    let when = |jump: &Jump| {
        let at = |seconds| moment(seconds, "%Y-%m-%d %H:%M:%S");
        if jump.to - jump.from > AT_ONCE * verdict.span {
            format!("from {} to {}", at(jump.from), at(jump.to))
        } else {
            format!("at {}", at(jump.from))
        }
    };
    let said: Vec<String> =
        verdict.jumps.iter().map(|jump| format!("+{} {}", iec_average(jump.bytes), when(jump))).collect();
    format!("Surge: {}; no trend beside it.", said.join(", "))
}

/// Bytes a second as bytes an hour: `12.3 MiB/h`.
#[must_use]
pub fn rate(bytes_a_second: f64) -> String {
    let an_hour = bytes_a_second * 3600.0;
    format!("{}{}/h", if an_hour < 0.0 { "-" } else { "" }, iec_average(an_hour.abs()))
}

/// What speaks for it, a sentence each.
#[must_use]
pub fn evidence(found: &Finding<'_>) -> Vec<String> {
    let verdict = &found.verdict;
    let mut said = Vec::new();
    if let Some(reach) = &verdict.reach {
        let now = found.latest().points.last().map_or(0.0, |point| point.at_ms as f64 / 1000.0);
        let latest = reach.latest.map_or("never".to_owned(), |at| lasting(at - now));
        said.push(format!(
            "Limit of {} reached in {} at this rate ({} to {latest}), at {} UTC.",
            iec_average(reach.limit),
            lasting(reach.at - now),
            lasting(reach.earliest - now),
            moment(reach.at, "%Y-%m-%d %H:%M"),
        ));
    }
    if let Some(carried) = carried(verdict.kind, &found.carriers) {
        said.push(carried);
    }
    if verdict.kind != Kind::TooShort {
        said.push(format!(
            "Lower envelope from {} to {}; growth would have counted from {}.",
            iec_average(verdict.envelope.0),
            iec_average(verdict.envelope.1),
            iec_average(verdict.floor),
        ));
    }
    if verdict.teeth.count > 0 {
        let teeth = &verdict.teeth;
        said.push(format!(
            "Given back {}, {} at once in the middle, {} at most.",
            times(teeth.count as u64),
            iec_average(teeth.height),
            iec_average(teeth.highest)
        ));
    }
    if let Some(climb) = verdict.last_climb {
        said.push(format!("The last climb of {} may be one more of these; it is not counted.", iec_average(climb)));
    }
    if verdict.kind == Kind::Leak {
        match verdict.collections {
            Some(0) => said.push(
                "No collection of the oldest generation ran meanwhile: garbage in cycles may be among it.".to_owned(),
            ),
            Some(n) => said.push(format!("The collector went over the oldest generation {} meanwhile.", times(n))),
            None => {}
        }
    }
    said.push(looks(verdict));
    said
}

fn looks(verdict: &Verdict) -> String {
    let mut said = format!("{} looks in {}", thousands(verdict.points as u64), lasting(verdict.span));
    if verdict.runs > 1 {
        said.push_str(&format!(", {} restarted", times(verdict.runs as u64 - 1)));
    }
    if verdict.gaps > 0 {
        said.push_str(&format!(", with {} without looks", if verdict.gaps == 1 { "a gap" } else { "gaps" }));
    }
    format!("{said}.")
}

fn times(n: u64) -> String {
    match n {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{} times", thousands(n)),
    }
}

fn carried(kind: Kind, carriers: &[Carrier]) -> Option<String> {
    let worth: Vec<&Carrier> = carriers.iter().filter(|carrier| carrier.part >= 0.01).collect();
    let tell = |carrier: &Carrier| {
        let much = if kind == Kind::Leak { rate(carrier.bytes) } else { iec_average(carrier.bytes) };
        format!("{} {much} ({})", visible(&carrier.name), percent(carrier.part))
    };
    let is_class = |carrier: &&Carrier| !is_building_block(&carrier.name);
    let first: Vec<&Carrier> = worth.iter().take(NAMED).copied().collect();
    let told = first.iter().copied().map(tell).collect::<Vec<_>>().join(", ");
    // A person can act on a class; what it holds are dicts, strings and numbers.
    let class = worth.iter().copied().find(is_class).filter(|_| !first.iter().any(is_class));
    let class = class.map(|carrier| format!("; of classes most by {}", tell(carrier))).unwrap_or_default();
    (!told.is_empty()).then(|| format!("Carried by {told}{class}."))
}
