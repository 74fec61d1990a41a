//! `include/prostream.h` is what the sources say.

use std::path::Path;

/// In the order in which a reader of the header needs them.
const SOURCES: [&str; 5] = ["version.rs", "status.rs", "bytes.rs", "engine.rs", "presentation.rs"];

fn generate(root: &Path) -> String {
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml can be read");
    let builder = SOURCES.iter().fold(cbindgen::Builder::new().with_config(config), |builder, name| {
        builder.with_src(root.join("src").join(name))
    });
    let mut header = Vec::new();
    builder.generate().expect("the sources can be read").write(&mut header);
    let header = String::from_utf8(header).expect("a header is text");
    // What Rust documents under "Safety", Doxygen calls a precondition.
    header.replace(" * # Safety\n * ", " * @pre ")
}

/// Goal: C sees the functions, types and numbers that the library has.
/// Method: generates the header anew and compares it with the one checked in; `PROSTREAM_WRITE_GENERATED=1` writes it instead.
#[test]
fn the_header_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("include/prostream.h");
    let generated = generate(root);
    if std::env::var_os("PROSTREAM_WRITE_GENERATED").is_some_and(|value| value == "1") {
        std::fs::write(&path, &generated).expect("the header can be written");
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        generated == checked_in,
        "include/prostream.h is out of date: run PROSTREAM_WRITE_GENERATED=1 cargo test -p prostream-ffi --test header"
    );
}

/// Goal: nothing that C needs is forgotten in the list of sources above.
/// Method: every exported function and every `PROSTREAM_…` number of any source file stands in the header.
#[test]
fn the_header_is_complete() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = generate(root);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root.join("src")).expect("the sources are there") {
        let source = std::fs::read_to_string(entry.expect("a file").path()).expect("a source is text");
        for line in source.lines().map(str::trim_start) {
            let function = line.split_once("extern \"C\" fn ").map(|(_, rest)| rest);
            let constant = line.strip_prefix("pub const ");
            if let Some(rest) = function.or(constant) {
                names.extend(rest.split(['(', ':']).next().map(str::to_owned));
            }
        }
    }
    assert!(names.len() > 30, "only {} names were found", names.len());
    for name in names {
        let stands = |separator| header.contains(&format!("{name}{separator}"));
        assert!(stands('(') || stands(' '), "{name} is missing in the header");
    }
}
