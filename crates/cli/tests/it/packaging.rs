//! The files of `deploy/` fit the program.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::{ringback, stderr};

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name)
}

#[test]
fn systemd_takes_the_unit_and_the_program_its_command() {
    let unit = std::fs::read_to_string(deploy("systemd/ringback.service")).unwrap();
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/ringback ")).unwrap();
    // The flags are those of a command that there is; the file they name is not there.
    let output = ringback(start.split(' ').next().unwrap()).args(start.split(' ').skip(1)).output().unwrap();
    assert!(
        stderr(&output).starts_with("ringback: cannot read the configuration file /etc/ringback"),
        "{}",
        stderr(&output)
    );
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().join("ringback.service");
    let user = "User=root";
    let unit = unit.replace("/usr/bin/ringback", env!("CARGO_BIN_EXE_ringback"));
    std::fs::write(&here, unit.replace("User=ringback", user).replace("Group=ringback", "Group=root")).unwrap();
    match Command::new("systemd-analyze").arg("verify").arg("--man=no").arg(&here).output() {
        Ok(output) => {
            let said = stderr(&output);
            let about_us: Vec<_> = said.lines().filter(|line| line.contains("ringback.service")).collect();
            assert!(output.status.success() && about_us.is_empty(), "{said}");
        }
        Err(error) => {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "systemd-analyze is there and does not run")
        }
    }
}

#[test]
fn variables_of_the_image_and_of_compose_are_settings() {
    let printed = ringback("config").arg("print").output().unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    for file in ["docker/Dockerfile", "docker/compose.yml", "systemd/ringback.service", "kubernetes/ringback.yml"] {
        let text = std::fs::read_to_string(deploy(file)).unwrap();
        for name in
            text.split(|c: char| !(c.is_ascii_uppercase() || c == '_')).filter(|word| word.starts_with("RINGBACK_"))
        {
            let key = name.trim_start_matches("RINGBACK_").to_lowercase();
            assert!(printed.contains(&format!("\n# {key} = ")), "{file}: {name}");
        }
    }
}
