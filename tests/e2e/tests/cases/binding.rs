//! Other Workers of the account, which need no key where the platform says who they are.

use edgepost_e2e::api::{EMAILS, assert_error, id_of};
use edgepost_e2e::neighbours::{self, Binding};
use edgepost_e2e::{Case, Key, Site};
use serde_json::{Value, json};
use xtask::Result;
use xtask::http::Answer;
use xtask::worker::Neighbour;

/// The mailbox that the bindings are for, which is the first case's.
const MAILBOX: &str = "c0_0";

/// The mailbox of the example, which is the second case's.
const SHOP: &str = "c1_0";

pub fn cases() -> Vec<Case> {
    vec![
        Case::api("binding: what props allow, and nothing else", props_decide),
        Case::api("binding: the example sends as it is", example),
        Case::api("binding: headers from outside prove nothing", forged),
    ]
}

/// The Workers beside ours in the world of this name.
pub fn neighbours(world: &str) -> Result<Vec<Neighbour>> {
    let caller = |more: Value| {
        let mut props = json!({
            "edgepost_caller": "web", "mailboxes": [MAILBOX], "permission": "full_access",
        });
        for (name, value) in more.as_object().expect("an object") {
            props[name] = value.clone();
        }
        props
    };
    let bindings = [
        ("FULL", caller(json!({}))),
        (
            "SENDING",
            caller(json!({ "edgepost_caller": "shop", "permission": "sending_access" })),
        ),
        ("ELSEWHERE", caller(json!({ "mailboxes": [SHOP] }))),
        ("NOWHERE", caller(json!({ "mailboxes": ["nowhere"] }))),
        (
            "NAMELESS",
            json!({ "mailboxes": [MAILBOX], "permission": "full_access" }),
        ),
        ("MORE", caller(json!({ "admin": true }))),
        ("WRONG", caller(json!({ "permission": "everything" }))),
        ("SHOUTING", caller(json!({ "edgepost_caller": "WEB" }))),
    ];
    let bindings = bindings.map(|(name, props)| Binding { name, props });
    neighbours::all(&bindings, SHOP, &format!("{world}1@shop.test"))
}

/// A message posted through a binding, without a key.
fn post_via(site: &Site, binding: &str, mail: &Value, headers: &[(&str, &str)]) -> Answer {
    let path = format!("/via/{binding}{EMAILS}");
    site.world
        .post_octets(&path, mail.to_string().as_bytes(), headers)
}

fn props_decide(site: &Site) {
    let _turn = site.world.turn();
    let mail = site.plain_mail();
    let read_via = |binding: &str, id: &str| {
        site.world
            .get_own(&format!("/via/{binding}{EMAILS}/{id}"), &[])
    };
    for binding in ["OPEN", "NAMELESS", "MORE", "WRONG", "SHOUTING"] {
        assert_error(&post_via(site, binding, &mail, &[]), 401, "missing_api_key");
    }
    for binding in ["ELSEWHERE", "NOWHERE"] {
        assert_error(
            &post_via(site, binding, &mail, &[]),
            403,
            "validation_error",
        );
    }
    site.assert_nothing_happened();

    let id = id_of(&post_via(site, "FULL", &mail, &[]));
    let story = site.until_sent(&id);
    assert_eq!(story.text("/source"), "api/binding/web");
    assert_eq!(site.mails().len(), 1);
    let email = read_via("FULL", &id);
    assert_eq!(email.status, 200, "{}", email.body);
    assert_eq!(email.json().expect("JSON")["last_event"], "sent");
    // Whose it is not, and who may only send, cannot read it; nor can any key.
    assert_error(&read_via("SENDING", &id), 401, "restricted_api_key");
    assert_error(&site.email(Key::Full, &id), 404, "not_found");
    // A large one too, and what the caller writes of itself changes nothing.
    let evil = r#"{"edgepost_caller":"evil","mailboxes":["c1_0"],"permission":"full_access"}"#;
    let headers = [("edgepost-binding", evil), ("edgepost-length", "5")];
    let id = id_of(&post_via(site, "FULL", &large(&mail), &headers));
    let story = site.until_sent(&id);
    assert_eq!(story.text("/source"), "api/binding/web");
    // A key that is presented counts, whatever the binding says.
    let key = site.bearer(Key::Full);
    let id = id_of(&post_via(site, "FULL", &mail, &[("authorization", &key)]));
    assert_eq!(site.until_sent(&id).text("/source"), "api/key/c0_full");
    let wrong = [("authorization", "Bearer ep_nonsense")];
    assert_error(
        &post_via(site, "FULL", &mail, &wrong),
        403,
        "invalid_api_key",
    );
}

fn example(site: &Site) {
    let order = json!({ "number": "1001", "email": "bob@friend.test" }).to_string();
    let answers = [(); 2].map(|()| {
        let answer = site
            .world
            .post_octets("/via/SHOP/orders", order.as_bytes(), &[]);
        assert_eq!(answer.status, 202, "{}", answer.body);
        answer.json().expect("JSON")["id"]
            .as_str()
            .expect("an id")
            .to_owned()
    });
    assert_eq!(answers[0], answers[1], "the same order");
    let story = site.until_sent(&answers[0]);
    assert_eq!(story.text("/source"), "api/binding/shop");
    let to_bob = |mail: &edgepost_sandbox::Delivered| {
        String::from_utf8_lossy(&mail.raw).contains("Your order 1001")
    };
    assert_eq!(site.mails().iter().filter(|mail| to_bob(mail)).count(), 1);
}

fn forged(site: &Site) {
    let _turn = site.world.turn();
    let mail = site.plain_mail();
    let props = r#"{"edgepost_caller":"web","mailboxes":["c2_0"],"permission":"full_access"}"#;
    for name in [
        "ctx-props",
        "props",
        "cf-worker",
        "cf-ew-via",
        "x-edgepost-binding",
        "edgepost_caller",
        // Between our own objects these say who calls and how much: from outside they say nothing.
        "edgepost-binding",
    ] {
        for mail in [&mail, &large(&mail)] {
            let answer = post_via(
                site,
                "OPEN",
                mail,
                &[(name, props), ("edgepost-length", "5")],
            );
            assert_error(&answer, 401, "missing_api_key");
        }
    }
    site.assert_nothing_happened();
}

/// The same message with a file that makes it one to be kept as it comes.
fn large(mail: &Value) -> Value {
    let mut mail = mail.clone();
    mail["attachments"] = json!([{ "filename": "f", "content": "QUJD".repeat(100_000) }]);
    mail
}
