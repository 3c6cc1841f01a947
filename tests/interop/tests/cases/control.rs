//! What happens to a client that is careless: the dangers that other cases guard against are real
//! on these very servers, and this rig sees them. Were the cases below to fail, the others would
//! prove nothing.

use edgepost_interop::{Kind, Raw, Server};

use super::Case;
use super::commands::{commands, offers_chunking};
use super::content::ENDS;

/// Who content of commands makes its mail be from.
const EVIL: &str = "evil@shop.test";

/// Ways in which a transaction can come to nothing: local parts of sender and recipient, and the
/// replies to MAIL, RCPT, and a BDAT that was offered.
const REFUSALS: [(&str, &str, [u16; 3]); 6] = [
    ("mail-refused", "ada", [550, 503, 503]),
    ("mail-deferred", "ada", [451, 503, 503]),
    ("sales", "refused", [250, 550, 503]),
    ("sales", "deferred", [250, 450, 503]),
    ("content-refused", "ada", [250, 250, 554]),
    ("content-deferred", "ada", [250, 250, 451]),
];

pub fn cases() -> Vec<Case> {
    vec![
        Case::on(
            takes_commands_ahead,
            "S1 control: content that nobody stuffed is two messages",
            unstuffed,
        ),
        Case::new("S1 control: other ends of data are none here", other_ends),
        Case::on(
            |kind| takes_commands_ahead(kind) && !offers_chunking(kind),
            "S18b control: a BDAT that was not offered makes commands of the content",
            chunk_not_offered,
        ),
        Case::on(
            takes_commands_ahead,
            "S18b control: content behind a DATA not yet answered becomes commands",
            data_not_answered,
        ),
        Case::on(
            offers_chunking,
            "S18b control: a BDAT that was offered takes its content along, refused or not",
            chunk_offered,
        ),
        Case::on(
            |kind| {
                matches!(
                    kind,
                    Kind::Exim {
                        pipelining: false,
                        ..
                    }
                )
            },
            "S18b control: Exim hangs up on commands ahead of their time",
            ahead_of_time,
        ),
    ]
}

/// All but an Exim that does not offer PIPELINING: that one hangs up.
fn takes_commands_ahead(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Exim {
            pipelining: false,
            ..
        }
    )
}

/// Who the mails that were taken are from.
fn senders(server: &Server) -> Vec<String> {
    let accepted = server.accepted().into_iter();
    accepted.map(|one| one.from).collect()
}

fn mail(local_part: &str) -> String {
    format!("MAIL FROM:<{local_part}@shop.test>")
}

fn rcpt(local_part: &str) -> String {
    format!("RCPT TO:<{local_part}@friend.test>")
}

/// Content with an end of data in it and a transaction behind that, as it is.
fn send_as_it_is(server: &Server, end: &str) -> Vec<String> {
    let mut raw = Raw::open(server);
    assert_eq!(raw.ask(&mail("sales")), 250);
    assert_eq!(raw.ask(&rcpt("ada")), 250);
    assert_eq!(raw.ask("DATA"), 354);
    let behind = format!(
        "{}\r\n{}\r\nDATA\r\nX: y\r\n\r\nevil\r\n.\r\n",
        mail("evil"),
        rcpt("evil")
    );
    raw.say(format!("X: y\r\n\r\nHello{end}{behind}").as_bytes());
    raw.close();
    senders(server)
}

fn unstuffed(server: &Server) {
    for end in ["\r\n.\r\n", "\r\n\r\n.\r\n"] {
        let senders = send_as_it_is(server, end);
        assert_eq!(senders, ["sales@shop.test", EVIL], "{end:?}");
    }
}

/// All servers here have had their repair since CVE-2023-51764 and its kin. One that takes another
/// end of data again is news, and no danger to us.
fn other_ends(server: &Server) {
    for end in ENDS.iter().filter(|end| !end.contains("\r\n.\r\n")) {
        let senders = send_as_it_is(server, end);
        assert_eq!(senders, ["sales@shop.test"], "{end:?}");
    }
}

fn chunk_not_offered(server: &Server) {
    for (from, to, [to_mail, to_rcpt, _]) in REFUSALS {
        let content = commands().content;
        let mut raw = Raw::open(server);
        assert_eq!(raw.ask(&mail(from)), to_mail);
        assert_eq!(raw.ask(&rcpt(to)), to_rcpt);
        let command = format!("BDAT {} LAST\r\n", content.len());
        raw.say(&[command.as_bytes(), &content].concat());
        let code = raw.hear();
        assert!((500..600).contains(&code), "{code}");
        raw.close();
        let senders = senders(server);
        assert!(senders.iter().any(|from| from == EVIL), "{from}, {to}");
    }
}

fn data_not_answered(server: &Server) {
    for (from, to) in [("mail-refused", "ada"), ("sales", "deferred")] {
        let content = commands().content;
        let before = format!("{}\r\n{}\r\nDATA\r\n", mail(from), rcpt(to));
        let mut raw = Raw::open(server);
        raw.say(&[before.as_bytes(), &content].concat());
        raw.close();
        let senders = senders(server);
        assert!(senders.iter().any(|from| from == EVIL), "{from}, {to}");
    }
}

/// One reply a command, and the connection is good for another message. With PIPELINING that holds
/// for all of it in one write.
fn chunk_offered(server: &Server) {
    let at_once = takes_commands_ahead(server.kind());
    for (from, to, expected) in REFUSALS {
        let content = commands().content;
        let command = format!("BDAT {} LAST\r\n", content.len());
        let chunk = [command.as_bytes(), &content].concat();
        let mut raw = Raw::open(server);
        let replies = if at_once {
            let before = format!("{}\r\n{}\r\n", mail(from), rcpt(to));
            raw.say(&[before.as_bytes(), &chunk].concat());
            [raw.hear(), raw.hear(), raw.hear()]
        } else {
            let before = [raw.ask(&mail(from)), raw.ask(&rcpt(to))];
            raw.say(&chunk);
            [before[0], before[1], raw.hear()]
        };
        assert_eq!(replies, expected, "{from}, {to}");
        assert_eq!(raw.ask("RSET"), 250);
        raw.close();
        assert_eq!(senders(server), [""; 0], "{from}, {to}");
    }
}

fn ahead_of_time(server: &Server) {
    let mut raw = Raw::open(server);
    let all = format!("{}\r\n{}\r\nDATA\r\n", mail("sales"), rcpt("ada"));
    raw.say(all.as_bytes());
    // Without a word, though it has one to say in the clear.
    assert_eq!(raw.hear(), 0);
    raw.close();
    assert_eq!(senders(server), [""; 0]);
}
