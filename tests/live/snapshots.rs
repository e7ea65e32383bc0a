//! The heap as a file: the same answers from it as from the process, by leakspy and by other engines.

use std::collections::BTreeMap;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::process::Command;

use serde_json::Value;

use super::support::*;

/// `leakspy types --snapshot FILE --json`.
fn types_in(path: &str) -> Types {
    Types::parse(leakspy(&["types", "--snapshot", path, "--json"]).expect(0), false)
}

#[test]
fn the_file_answers_as_the_process_does() {
    each_python(|python| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heap.parquet");
        let path = path.to_str().unwrap();
        let mut target = Target::start(python, "zoo.py", &[]);
        target.ask("makeall");
        target.settle();
        let pid = target.pid.to_string();

        let said = leakspy(&["snapshot", "--pid", &pid, "--output", path]).expect(0);
        assert_eq!(said.stdout, "");
        assert!(said.stderr.contains("wrote ") && said.stderr.contains("held still for "), "{}", said.stderr);
        let live = types(target.pid, &[]);
        target.assert_unharmed();
        let kept = types_in(path);

        assert_eq!(kept.rows, live.rows);
        assert_eq!(kept.totals, live.totals);
        assert_eq!(kept.marked, live.marked);
        assert_eq!((&kept.capture["source"], &live.capture["source"]), (&"snapshot".into(), &"process".into()));
        for same in ["pid", "python", "build", "coverage", "consistent", "frozen", "skipped"] {
            assert_eq!(kept.capture[same], live.capture[same], "{same}");
        }
        assert!(!kept.said.stderr.contains("held still"), "{}", kept.said.stderr);
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    });
}

/// Prints counts and bytes by type as two engines see them, and some of what they see of the rest.
const ENGINES: &str = r#"
import json, sys
import duckdb, pandas, pyarrow.parquet
path = sys.argv[1]
rows = duckdb.execute("SELECT type, count(*), sum(bytes)::BIGINT FROM read_parquet(?) GROUP BY type", [path]).fetchall()
frame = pandas.read_parquet(path)
by_type = frame.groupby("type")["bytes"].agg(["count", "sum"])
meta = {key.decode(): value.decode() for key, value in pyarrow.parquet.read_metadata(path).metadata.items()}
columns = dict(row[:2] for row in duckdb.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall())
edges = duckdb.execute("""
    WITH edges AS (SELECT id, unnest("references", recursive := true) FROM read_parquet($1))
    SELECT count(*) FROM edges JOIN read_parquet($1) AS held ON edges."to" = held.id
""", [path]).fetchone()[0]
print(json.dumps({
    "duckdb": {name: [count, size] for name, count, size in rows},
    "pandas": {name: [int(row["count"]), int(row["sum"])] for name, row in by_type.iterrows()},
    "tracked": int(frame["tracked"].sum()),
    "edges": [edges, int(frame["references"].map(len).sum())],
    "columns": columns,
    "schema": meta["leakspy.schema"],
    "capture": json.loads(meta["leakspy.capture"]),
}))
"#;

#[test]
fn other_engines_read_it() {
    let engine = root().join(".venv/test/bin/python");
    let able = Command::new(&engine).args(["-c", "import duckdb, pandas, pyarrow"]).output();
    if !able.is_ok_and(|done| done.status.success()) {
        skip("no .venv/test with DuckDB, pandas and pyarrow; scripts/test makes it");
        return;
    }
    let python = pythons().last().expect("an interpreter");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heap.parquet");
    let path = path.to_str().unwrap();
    let mut target = Target::start(python, "zoo.py", &[]);
    target.ask("makeall");
    leakspy(&["snapshot", "-p", &target.pid.to_string(), "-o", path]).expect(0);
    let ours = types_in(path);

    let mut command = Command::new(engine);
    command.args(["-c", ENGINES, path]);
    let theirs: Value = serde_json::from_str(&finish(command).expect(0).stdout).unwrap();
    let counts = |of: &Value| -> BTreeMap<String, (u64, u64)> {
        let rows = of.as_object().unwrap().iter();
        rows.map(|(name, row)| (name.clone(), (row[0].as_u64().unwrap(), row[1].as_u64().unwrap()))).collect()
    };
    let ours_by_type: BTreeMap<_, _> =
        ours.rows.iter().map(|(name, row)| (name.clone(), (row.count, row.bytes))).collect();
    assert_eq!(counts(&theirs["duckdb"]), ours_by_type);
    assert_eq!(counts(&theirs["pandas"]), ours_by_type);
    assert_eq!(theirs["tracked"], ours.totals["tracked"]);
    assert_eq!(theirs["edges"][0], theirs["edges"][1]);
    assert!(theirs["edges"][0].as_u64().unwrap() > 1000, "{}", theirs["edges"]);
    assert_eq!(theirs["schema"], "1");
    assert_eq!(theirs["capture"]["pid"], target.pid);
    for (name, of) in [
        ("id", "BIGINT"),
        ("address", "UBIGINT"),
        ("type", "VARCHAR"),
        ("bytes", "BIGINT"),
        ("refcount", "BIGINT"),
        ("tracked", "BOOLEAN"),
        ("generation", "TINYINT"),
        ("found_by", "VARCHAR"),
        ("content", "UINTEGER"),
        ("root", "VARCHAR"),
        ("references", r#"STRUCT("to" BIGINT, edge VARCHAR, kind SMALLINT)[]"#),
    ] {
        assert_eq!(theirs["columns"][name], of, "{name}");
    }
    assert_eq!(theirs["columns"]["value"], Value::Null, "contents are kept only with --values");
}

#[test]
fn what_cannot_be_read_or_written_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (json, empty, cut) = (at("answer.json"), at("empty"), at("cut"));
    std::fs::write(&json, "{}").unwrap();
    std::fs::write(&empty, "").unwrap();
    std::fs::write(&cut, "PAR1 and no more").unwrap();
    leakspy(&["types", "-s", &at("none")]).expect_words(2, &["there is no such file"]);
    leakspy(&["types", "-s", &json]).expect_words(4, &["answer.json", "no parquet file", "leakspy snapshot"]);
    leakspy(&["types", "-s", &empty]).expect_words(4, &["it is empty"]);
    leakspy(&["types", "-s", &cut]).expect_words(4, &["cut short"]);
    leakspy(&["types", "-s", &at("")]).expect_words(4, &["it is a directory"]);
    leakspy(&["types", "-s", &cut, "--pid", "1"]).expect_words(2, &["cannot be used with"]);
    leakspy(&["info", "-s", &cut]).expect_words(2, &["leakspy types --snapshot"]);
    leakspy(&["snapshot", "--pid", "1"]).expect_words(2, &["--output"]);
    leakspy(&["snapshot", "--pid", "1", "-o", "/no/such/folder/heap"]).expect_words(2, &["/no/such/folder"]);
}

#[test]
fn a_pipe_and_a_device_take_it_too() {
    let python = pythons().last().expect("an interpreter");
    let target = Target::start(python, "zoo.py", &[]);
    let pid = target.pid.to_string();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heap.parquet");
    let mut command = command(&["snapshot", "--pid", &pid, "--output", "-"]);
    let piped = command.output().unwrap();
    assert!(piped.status.success(), "{}", String::from_utf8_lossy(&piped.stderr));
    std::fs::write(&path, piped.stdout).unwrap();
    assert!(types_in(path.to_str().unwrap()).totals["objects"].as_u64().unwrap() > 1000);

    leakspy(&["snapshot", "--pid", &pid, "--output", "/dev/null"]).expect(0);
    assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}
