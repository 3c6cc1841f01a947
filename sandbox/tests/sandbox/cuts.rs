//! Connections that end behind any octet of either side.

use std::io::{ErrorKind, Read as _, Write as _};
use std::time::{Duration, Instant};

use edgepost_sandbox::{Ending, Fault, Flow, How, Sandbox};

use crate::http::access_token;
use crate::smtp::{
    ACCOUNT, Dialogue, Plain, Secure, connect, is_timeout, port_with, sandbox, secure, xoauth2,
};

/// What a client heard before the connection ended.
#[derive(Debug)]
struct Heard {
    replies: usize,
    octets: usize,
    reset: bool,
}

/// What the client says of a whole session, STARTTLS being the second line.
fn lines(token: &str) -> Vec<String> {
    [
        "EHLO client.test",
        "STARTTLS",
        "EHLO client.test",
        &format!("AUTH XOAUTH2 {}", xoauth2(ACCOUNT, token)),
        &format!("MAIL FROM:<{ACCOUNT}>"),
        "RCPT TO:<a@example.test>",
        "DATA",
        "Subject: x\r\n\r\nx\r\n.",
        "QUIT",
    ]
    .iter()
    .map(|line| format!("{line}\r\n"))
    .collect()
}

/// Says one after the other, each behind the reply to the one before, until the connection ends.
fn talk(sandbox: &Sandbox, port: u16, lines: &[String]) -> Heard {
    let mut replies = 0;
    let (clear, covered) = lines.split_at(2);
    let mut plain = Plain::new(connect(port));
    let mut alive = plain.reply().is_some();
    replies += usize::from(alive);
    for line in clear {
        if alive {
            plain.try_send(line);
            alive = plain.reply().is_some();
            replies += usize::from(alive);
        }
    }
    let before = plain.received;
    if !alive {
        let reset = plain.failure == Some(ErrorKind::ConnectionReset);
        return Heard {
            replies,
            octets: before,
            reset,
        };
    }
    let mut stream = match secure(sandbox, plain.stream) {
        Ok(stream) => Dialogue::new(stream),
        Err(error) => {
            let reset = error.kind() == ErrorKind::ConnectionReset;
            return Heard {
                replies,
                octets: before,
                reset,
            };
        }
    };
    for line in covered {
        stream.try_send(line);
        if stream.reply().is_none() {
            break;
        }
        replies += 1;
    }
    stream.rest();
    let octets = before + stream.received;
    Heard {
        replies,
        octets,
        reset: stream.failure == Some(ErrorKind::ConnectionReset),
    }
}

#[test]
fn behind_any_octet_of_the_client() {
    let sandbox = sandbox();
    let lines = lines(&access_token(&sandbox, ACCOUNT));
    // Where each line ends.
    let ends: Vec<usize> = lines
        .iter()
        .scan(0, |end, line| {
            *end += line.len();
            Some(*end)
        })
        .collect();
    let all = *ends.last().unwrap();
    for octets in 0..all {
        let fault = Fault::cut(Flow::Client, octets as u64, How::Fin);
        let port = port_with(&sandbox, [fault]).port();
        let heard = talk(&sandbox, port, &lines);
        // A line is answered when it was whole before the cut. The greeting asks for nothing, and
        // goes out unless not one octet is to be read.
        let answered = ends.iter().filter(|end| **end < octets).count();
        assert_eq!(
            heard.replies,
            answered + usize::from(octets > 0),
            "{octets}: {heard:?}"
        );
        let taken = sandbox.inbox_of(port).len();
        assert_eq!(taken, usize::from(octets > ends[7]), "{octets}");
        assert_eq!(
            sandbox.connections(port)[0].ending,
            Some(Ending::ClosedByServer)
        );
    }
}

#[test]
fn behind_any_octet_of_the_server() {
    let sandbox = sandbox();
    let lines = lines(&access_token(&sandbox, ACCOUNT));
    let port = port_with(&sandbox, []).port();
    let whole = talk(&sandbox, port, &lines);
    assert_eq!(whole.replies, 10);
    for octets in 0..whole.octets {
        let fault = Fault::cut(Flow::Server, octets as u64, How::Fin);
        let port = port_with(&sandbox, [fault]).port();
        let heard = talk(&sandbox, port, &lines);
        assert_eq!(heard.octets, octets, "{heard:?}");
        assert_eq!(
            sandbox.connections(port)[0].ending,
            Some(Ending::ClosedByServer)
        );
    }
}

#[test]
fn by_reset() {
    let sandbox = sandbox();
    let lines = lines(&access_token(&sandbox, ACCOUNT));
    for flow in [Flow::Client, Flow::Server] {
        for octets in [0, 1, 10, 200] {
            let port = port_with(&sandbox, [Fault::cut(flow, octets, How::Rst)]).port();
            let heard = talk(&sandbox, port, &lines);
            assert!(heard.reset, "{flow:?} {octets}: {heard:?}");
            assert_eq!(
                sandbox.connections(port)[0].ending,
                Some(Ending::ResetByServer)
            );
        }
    }
}

#[test]
fn behind_octets_as_tcp_sees_them() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, [Fault::cut(Flow::ServerTcp, 7, How::Fin)]).port();
    assert_eq!(Dialogue::new(connect(port)).rest(), b"220 loc");
    let port = port_with(&sandbox, [Fault::cut(Flow::ClientTcp, 5, How::Fin)]).port();
    let mut plain = Plain::greeted(port);
    plain.try_send("EHLO client.test\r\n");
    assert_eq!(plain.rest(), b"");
    assert_eq!(sandbox.connections(port)[0].plaintext(), "EHLO ");
}

#[test]
fn within_the_handshake() {
    let sandbox = sandbox();
    for flow in [Flow::ClientTls, Flow::ServerTls] {
        for octets in [0, 1, 5, 60, 150] {
            for (how, ending) in [
                (How::Fin, Ending::ClosedByServer),
                (How::Rst, Ending::ResetByServer),
            ] {
                let port = port_with(&sandbox, [Fault::cut(flow, octets, how)]).port();
                let error = secure(&sandbox, Plain::ready(port).stream).unwrap_err();
                let reset = error.kind() == ErrorKind::ConnectionReset
                    || error.kind() == ErrorKind::BrokenPipe;
                assert_eq!(reset, how == How::Rst, "{flow:?} {octets} {how:?}: {error}");
                assert_eq!(sandbox.connections(port)[0].ending, Some(ending), "{error}");
            }
        }
    }
}

#[test]
fn in_silence() {
    let sandbox = sandbox();
    for flow in [Flow::Client, Flow::Server, Flow::ClientTls, Flow::ServerTls] {
        let port = port_with(&sandbox, [Fault::cut(flow, 3, How::Stall)]).port();
        let mut stream = match flow {
            Flow::Client | Flow::Server => connect(port),
            _ => Plain::ready(port).stream,
        };
        let patience = Duration::from_millis(200);
        stream.set_read_timeout(Some(patience)).unwrap();
        let hello = [0x16, 3, 1];
        match flow {
            Flow::Client => {
                stream.write_all(b"EHLO client.test\r\n").unwrap();
                let greeting = stream.read(&mut [0; 64]).unwrap();
                assert!(greeting > 0);
            }
            Flow::Server => assert_eq!(stream.read(&mut [0; 64]).unwrap(), 3),
            Flow::ClientTls => stream.write_all(&hello).unwrap(),
            _ => {
                // Three octets of the server's hello come, and no more.
                let error = secure(&sandbox, stream.try_clone().unwrap()).unwrap_err();
                assert!(is_timeout(&error), "{error}");
            }
        }
        if flow != Flow::ServerTls {
            assert!(is_timeout(&stream.read(&mut [0]).unwrap_err()), "{flow:?}");
        }
        assert_eq!(sandbox.connections(port)[0].ending, None);
        drop(stream);
        let deadline = Instant::now() + Duration::from_secs(5);
        while sandbox.connections(port)[0].ending.is_none() {
            assert!(
                Instant::now() < deadline,
                "{flow:?}: nobody notices that the client went"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A server that stops reading in the middle of the content: what the client writes has nowhere to go.
#[test]
fn content_that_is_not_read_comes_to_a_halt() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, [Fault::cut(Flow::Content, 1000, How::Stall)]).port();
    let mut smtp = Secure::at_content(&sandbox, port);
    let patience = Some(Duration::from_millis(300));
    smtp.stream.sock.set_write_timeout(patience).unwrap();
    smtp.stream.sock.set_read_timeout(patience).unwrap();
    // What is under way must not take long to fill.
    let socket = socket2::SockRef::from(&smtp.stream.sock);
    socket.set_send_buffer_size(64 * 1024).unwrap();
    let line = format!("{}\r\n", "x".repeat(998)).repeat(64);
    let failed = (0..1_000).find_map(|_| smtp.stream.write_all(line.as_bytes()).err());
    assert!(is_timeout(&failed.expect("64 MB were taken by somebody")));
}
