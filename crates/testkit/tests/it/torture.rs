//! The harness as a program.

use std::process::{Command, Output};

fn torture(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_torture")).args(arguments).output().unwrap()
}

#[test]
fn a_server_that_does_not_exist_is_an_error_of_the_harness_and_no_verdict() {
    for mode in ["crash", "term", "canary", "large", "retention"] {
        let output = torture(&[mode, "--binary", "/nonexistent/server"]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{mode}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("/nonexistent/server"), "{output:?}");
    }
}

#[test]
fn a_program_that_is_no_server_is_an_error_of_the_harness_and_no_verdict() {
    let output = torture(&["crash", "--binary", "/bin/false"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{output:?}");
}
