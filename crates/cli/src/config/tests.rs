//! Precedence, told on the layers themselves; the environment is tested on the real binary.

use std::time::Duration;

use clap::{CommandFactory, Parser};

use super::*;
use crate::args::{Cli, Command};

fn file(text: &str) -> File {
    toml::from_str(text).unwrap()
}

fn flags(flags: &[&str]) -> ServeArgs {
    match Cli::try_parse_from(["ringback", "serve"].iter().chain(flags)).unwrap().command {
        Command::Serve(args) => *args,
        _ => unreachable!("it says serve"),
    }
}

#[test]
fn a_flag_goes_over_the_file_and_the_file_over_the_default() {
    let text = "listen = '127.0.0.1:1'\nretry_schedule = '1s'\nhttps_only = true\negress_allow = ['10.0.0.0/8']";
    let config = ServeConfig::new(flags(&["--listen", "127.0.0.1:2", "--https-only=false"]), &mut file(text)).unwrap();
    assert_eq!(config.listen.port(), 2);
    assert!(!config.https_only);
    assert_eq!(config.retry.delays(), [Duration::from_secs(1)]);
    assert_eq!(config.egress_allow.len(), 1);
    assert_eq!(config.master_key_file, PathBuf::from("ringback-data/master.key"));
    let defaults = ServeConfig::new(flags(&[]), &mut File::default()).unwrap();
    assert_eq!(defaults.listen.to_string(), "127.0.0.1:8071");
    assert_eq!(defaults.retry, RetryPolicy::default());
    assert_eq!(defaults.access.jwt, JwtSource::Store);
}

#[test]
fn a_secret_file_on_the_command_line_displaces_a_secret_in_the_file() {
    let config = ServeConfig::new(flags(&["--jwt-secret-file", "a"]), &mut file("jwt_secret = 'b'")).unwrap();
    assert_eq!(config.access.jwt, JwtSource::File("a".into()));
}

#[test]
fn two_secrets_in_one_layer_are_refused() {
    let both = "jwt_secret = 'b'\njwt_secret_file = 'a'";
    assert!(matches!(ServeConfig::new(flags(&[]), &mut file(both)), Err(ConfigError::TwoSecrets)));
    assert!(Cli::try_parse_from(["ringback", "serve", "--jwt-secret", "b", "--jwt-secret-file", "a"]).is_err());
}

#[test]
fn settings_of_emails_go_together_and_a_password_is_not_repeated() {
    let alerts = |given: &[&str]| ServeConfig::new(flags(given), &mut File::default()).map(|config| config.alerts);
    let whom = ["--alert-from", "a@b.example", "--alert-to", "c@d.example,e@f.example"];
    let with = |url: &'static str| [&["--smtp-url", url], whom.as_slice()].concat();
    let settings = alerts(&with("smtps://u:p@mail.example")).unwrap().unwrap();
    assert_eq!((settings.to.len(), settings.on), (2, vec![ringback_model::NoticeKind::EndpointDisabled]));
    for url in ["smtp+plain://u:hunter2@mail.example", "mail://u:hunter2@mail.example"] {
        let refused = alerts(&with(url)).unwrap_err().to_string();
        assert!(refused.starts_with("smtp_url: ") && !refused.contains("hunter2"), "{refused}");
    }
    let lonely: [&[&str]; 3] = [&["--smtp-url", "smtps://h"], &whom, &["--smtp-url", "smtps://h", "--alert-to", "a@b"]];
    for given in lonely {
        assert!(matches!(alerts(given), Err(ConfigError::Alert(_))), "{given:?}");
    }
    assert!(alerts(&[]).unwrap().is_none());
}

#[test]
fn every_key_of_the_file_is_a_flag_of_serve_and_has_a_twin_in_the_environment() {
    let mut command = Cli::command();
    let serve = command.find_subcommand_mut("serve").unwrap();
    serve.build();
    let mut names = Vec::new();
    for arg in serve.get_arguments().filter(|arg| !["help", "config"].contains(&arg.get_id().as_str())) {
        let key = arg.get_long().unwrap().replace('-', "_");
        assert_eq!(arg.get_env().unwrap(), format!("RINGBACK_{}", key.to_uppercase()).as_str());
        names.push(key);
    }
    names.sort();
    let mut keys = file::KEYS.to_vec();
    keys.sort_unstable();
    assert_eq!(names, keys);
}

#[test]
fn no_secret_shows_in_debug_output() {
    let config = ServeConfig::new(flags(&["--jwt-secret", "hunter2"]), &mut File::default()).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_public_url_names_a_host_that_requests_may_be_for() {
    let config =
        ServeConfig::new(flags(&["--allowed-hosts", "b.example"]), &mut file("public_url = 'https://a.example/'"));
    let config = config.unwrap();
    assert_eq!(
        (config.hosts, config.public_url.unwrap().origin),
        (vec!["b.example".to_owned(), "a.example".to_owned()], "https://a.example".to_owned())
    );
    assert!(ServeConfig::new(flags(&[]), &mut File::default()).unwrap().hosts.is_empty());
    let refused = ServeConfig::new(flags(&["--migrate-url", "postgres://a/b"]), &mut File::default());
    assert!(matches!(refused, Err(ConfigError::MigrateUrl)));
}
