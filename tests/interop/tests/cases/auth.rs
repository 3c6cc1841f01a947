//! Tokens that are bad, and tokens that are long.

use edgepost_interop::{Client, Kind, Mail, Mechanism, Server, say_failure};

use super::{Case, assert_only};

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("S6 a bad token on the AUTH line is understood", bad_token),
        Case::new(
            "S6 a bad token on a line of its own is understood",
            bad_long_token,
        ),
        Case::new("S6 the longest token on the AUTH line", longest_inline),
        Case::new("S6 a token on a line of its own", two_steps),
        Case::on(
            |kind| kind != Kind::Aiosmtpd,
            "S6 tokens of thousands of characters",
            long_tokens,
        ),
        Case::on(
            |kind| kind == Kind::Aiosmtpd,
            "S6 a token longer than the server's line is not taken for a bad one",
            too_long_a_token,
        ),
    ]
}

/// Characters of the longest token that leaves the AUTH line at 512 octets. Behind `AUTH XOAUTH2 ` 497
/// are left for base64, which hold 372 octets, of which the address and the framing take 35; the name
/// of OAUTHBEARER is four octets longer, which costs one group of base64.
fn longest_inline_chars(mechanism: Mechanism) -> usize {
    match mechanism {
        Mechanism::Xoauth2 => 337,
        Mechanism::OauthBearer => 334,
    }
}

fn good(chars: usize) -> String {
    format!("good{}", "t".repeat(chars - 4))
}

fn check(server: &Server, token: &str, one_step: bool) {
    let mail = Mail::with_body("Hello\r\n");
    let mut client = Client::open_with(server, token).expect("a session");
    let line = format!("AUTH {}", server.mechanism().name());
    assert!(client.said(&line), "another mechanism");
    assert_eq!(client.said(&format!("{line} ")), one_step);
    assert_eq!(client.send(&mail), ["accepted"]);
    client.ready().expect("ready for more");
    client.close();
    assert_only(&server.accepted(), &mail);
}

fn refused(server: &Server, token: &str) {
    let failure = Client::open_with(server, token).err().expect("a refusal");
    assert_eq!(say_failure(&failure), "auth_refused authentication");
    let answer = failure.answer.expect("the server's words");
    assert!(answer.as_str().starts_with("535 "), "{answer:?}");
    // Exim refuses at once; the others give the reason first, which the 535 does not repeat.
    let with_reason = answer.as_str().contains("(status 401, schemes bearer");
    assert_eq!(with_reason, !server.kind().is_exim(), "{answer:?}");
    assert_eq!(server.accepted(), []);
}

fn bad_token(server: &Server) {
    refused(server, "bad-token");
}

fn bad_long_token(server: &Server) {
    refused(server, &"b".repeat(600));
}

fn longest_inline(server: &Server) {
    let longest = longest_inline_chars(server.mechanism());
    check(server, &good(longest), true);
    check(server, &good(longest + 1), false);
}

fn two_steps(server: &Server) {
    check(server, &good(600), false);
}

fn long_tokens(server: &Server) {
    for chars in [1_500, 4_000, edgepost::limits::ACCESS_TOKEN_CHARS] {
        check(server, &good(chars), false);
    }
}

fn too_long_a_token(server: &Server) {
    let failure = Client::open_with(server, &good(1_500))
        .err()
        .expect("a refusal");
    // No fresh token would be shorter: nothing is to be refreshed, and nobody to consent again.
    assert_eq!(say_failure(&failure), "auth_refused configuration");
    assert_eq!(server.accepted(), []);
}
