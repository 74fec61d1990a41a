//! Puts the page's player library where the page can embed it: from the npm registry, through the lock file in `ui/`, when Node is there.
//! Without it the file is empty, and the page says that it uses what the browser plays by itself.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

fn main() {
    println!("cargo::rerun-if-changed=ui/package.json");
    println!("cargo::rerun-if-changed=ui/package-lock.json");
    println!("cargo::rerun-if-env-changed=PROSTREAM_PLAYER_LIBRARY");

    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let target = out.join("hls.js");
    let is_wanted = env::var("PROSTREAM_PLAYER_LIBRARY").as_deref() != Ok("off");
    let library = if is_wanted { install(&out) } else { Err("switched off".to_owned()) };
    let bytes = library.unwrap_or_else(|reason| {
        println!(
            "cargo::warning=the page is built without hls.js ({reason}): it will use what the browser plays by itself"
        );
        Vec::new()
    });
    fs::write(&target, bytes).expect("OUT_DIR is writable");
}

/// Installs into `out`, never into the source tree.
fn install(out: &Path) -> Result<Vec<u8>, String> {
    let folder = out.join("npm");
    let prepare = || -> io::Result<()> {
        fs::create_dir_all(&folder)?;
        for name in ["package.json", "package-lock.json"] {
            fs::copy(Path::new("ui").join(name), folder.join(name))?;
        }
        Ok(())
    };
    prepare().map_err(|error| format!("its folder cannot be made: {error}"))?;
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let status = Command::new(npm)
        .args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--silent",
            "--fetch-retries=1",
            "--fetch-timeout=30000",
        ])
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(_) => return Err("npm could not install it".to_owned()),
        Err(_) => return Err("npm is not installed".to_owned()),
    }
    fs::read(folder.join("node_modules/hls.js/dist/hls.min.js")).map_err(|error| error.to_string())
}
