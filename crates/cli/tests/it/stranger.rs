//! Commands of the API where something else answers than a server: a proxy, a log-in page, another program.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};

use crate::program::{refusal, ringback};

/// Starts something that answers every request with this head and body.
fn stranger(head: &'static str, body: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line).unwrap() > 2 {
                if let Some(told) = line.to_lowercase().strip_prefix("content-length:") {
                    length = told.trim().parse().unwrap();
                }
                line.clear();
            }
            // A connection that is closed over what nobody has read is reset, and the answer may go with it.
            std::io::Read::read_exact(&mut reader, &mut vec![0; length]).unwrap();
            let length = body.len();
            let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
        }
    });
    address
}

const COMMANDS: &[&str] = &[
    r#"message send acme sms.dlr {"a":1}"#,
    "app delete acme --yes",
    "poller commit acme sink consumer --offset 1",
    "app list",
    "app list --all",
    "app list -o table",
    "app list -o id",
    "app get acme",
    "health get",
];

#[test]
fn an_answer_of_something_else_is_no_success_and_names_the_server_and_its_setting() {
    for (head, body) in [
        ("200 OK", "ok"),
        ("200 OK\r\ncontent-type: text/html", "<html>login</html>"),
        ("200 OK\r\ncontent-type: application/json", "<html>login</html>"),
        ("200 OK\r\ncontent-type: application/json", "\"ok\""),
        ("203 Of a proxy", ""),
        ("302 Found\r\nlocation: https://login.example/", ""),
        ("404 Not Found", "404 page not found"),
    ] {
        let address = stranger(head, body);
        for line in COMMANDS {
            let mut words = line.split(' ');
            let mut command = ringback(words.next().unwrap());
            command.args(words).env("RINGBACK_URL", format!("http://{address}"));
            let output = command.output().unwrap();
            let (status, told) = refusal(&mut command);
            assert_eq!((status, output.stdout.as_slice()), (1, &b""[..]), "{line}: {head}: {told}");
            let names =
                [&format!("http://{address}"), "--server (RINGBACK_URL)"].iter().all(|name| told.contains(*name));
            let is_sentence = told.contains("that is no server of this kind: ") || told.contains("is not followed: ");
            assert!(names && is_sentence, "{line}: {head}: {told}");
        }
    }
}

#[test]
fn a_success_with_another_body_than_the_command_has_is_none() {
    let json = "200 OK\r\ncontent-type: application/json";
    for (line, why) in [
        (r#"message send acme sms.dlr {"a":1}"#, "it answers 200, where 202 is due"),
        ("app delete acme --yes", "it answers 200, where 204 is due"),
        ("health get", "it answers 200, where 204 is due"),
        ("app list --all", "no page of a list"),
    ] {
        let mut words = line.split(' ');
        let mut command = ringback(words.next().unwrap());
        command.args(words).env("RINGBACK_URL", format!("http://{}", stranger(json, r#"{"status":"UP"}"#)));
        let (status, told) = refusal(&mut command);
        assert!(status == 1 && told.contains(why) && told.contains("--server (RINGBACK_URL)"), "{line}: {told}");
    }
}
