//! Any text arrives as it was written, in every field that holds text.

use edgepost_e2e::api::FRIEND;
use edgepost_e2e::letter;
use edgepost_e2e::mail::Mail;
use edgepost_e2e::site::BODY_CANARY;
use edgepost_e2e::{Case, Site};
use serde_json::json;

/// Tells the messages of a case apart.
const NUMBER: &str = "X-Number";

/// After the Big List of Naughty Strings, and what mail in particular trips over.
const NAUGHTY: &[&str] = &[
    "undefined",
    "null",
    "\\",
    "\\\\",
    "-1/0",
    "0x0",
    "1e1000",
    "$(id)",
    "`id`",
    "%s%s%n",
    "{{7*7}}",
    "${7*7}",
    ",./;'[]\\-=",
    "<>?:\"{}|_+",
    "!@#$%^&*()`~",
    "Ω≈ç√∫˜µ≤≥÷",
    "åß∂ƒ©˙∆˚¬…æ",
    "œ∑´®†¥¨ˆøπ“‘",
    "¡™£¢∞§¶•ªº–≠",
    "ЁЂЃЄЅІЇЈЉЊЋЌЍЎЏАБВГДЕЖЗИЙ",
    "٠١٢٣٤٥٦٧٨٩",
    "⁰⁴⁵₀₁₂",
    "田中さんにあげて下さい",
    "사회과학원 어학연구소",
    "𠜎𠜱𠝹𠱓𠱸𠲖𠳏",
    "הָיְתָהtestالصفحات",
    "ﷺ",
    "مُنَاقَشَةُ سُبُلِ اِسْتِخْدَامِ",
    "❤️ 💔 💌 👩‍👩‍👧‍👦 🏳️‍🌈 🇺🇸",
    "👾 🙇 💁 🙅 🙆 🙋 🙎 🙍",
    "T̺͖o͚̖ ̫̗i͈n͉v̱o̙k̞e̤",
    "˙ɐnbᴉlɐ ɐuƃɐɯ ǝɹolop",
    "Ｔｈｅ ｑｕｉｃｋ",
    "𝕿𝖍𝖊 𝖖𝖚𝖎𝖈𝖐",
    "a\u{200b}b\u{200d}c\u{feff}d",
    "a\u{202e}b\u{202d}c",
    "a\u{a0}b\u{2003}c",
    "\u{fffd}\u{fffe}\u{10ffff}",
    "<script>alert(1)</script>",
    "'; DROP TABLE jobs; --",
    "../../../etc/passwd",
    "C:\\Windows\\x",
    "From nobody",
    "-- ",
    ".",
    "..",
    "=20=3D=",
    "=_x",
    "--=_mixed",
    "=?utf-8?q",
    "a?=b",
    "Re: Re: AW: x",
    "x, y; z: <w> (v) [u] @t",
    "\"quoted\"",
    "\"half",
    "(half",
    "un(commented)",
    "a  b   c",
    "ü",
    "ab ü",
    "🧾",
];

/// Longer than a line of any encoding, with and without spaces.
fn long() -> [String; 3] {
    ["Straße ".repeat(60), "ß".repeat(400), "word ".repeat(150)].map(|text| text.trim().to_owned())
}

pub fn cases() -> Vec<Case> {
    vec![
        Case::api("A18 naughty strings arrive as they were written", naughty),
        Case::api("A19 odd lines arrive as they were written", odd_lines),
    ]
}

fn naughty(site: &Site) {
    let long = long();
    let strings: Vec<&str> = NAUGHTY
        .iter()
        .copied()
        .chain(long.iter().map(String::as_str))
        .collect();
    for (number, text) in strings.iter().enumerate() {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        let mail = json!({
            "from": format!("\"{quoted}\" <{}>", site.address),
            "to": format!("\"{quoted}\" <{FRIEND}>"),
            "subject": text,
            "text": format!("{text}\n{BODY_CANARY}"),
            "html": format!("{BODY_CANARY}<p>{text}"),
            "headers": { NUMBER: number.to_string() },
        });
        let _id = site.send_mail(&mail);
    }
    site.wait_until("delivered", || site.mails().len() >= strings.len());
    let mails = site.mails();
    assert_eq!(mails.len(), strings.len());
    for letter in letter::read(&mails) {
        let number: usize = letter.header("x-number").trim().parse().expect("a number");
        let (text, parser) = (strings[number], letter.parser);
        let line = text.trim();
        assert_eq!(letter.header("subject").trim(), line, "{parser}: subject");
        for (field, address) in [("from", site.address.as_str()), ("to", FRIEND)] {
            assert!(
                letter.is_only(field, line, address),
                "{parser}: {field}: {text:?} became {:?}",
                letter.people(field)
            );
        }
        assert_eq!(
            letter.text_of("text/plain"),
            format!("{text}\n{BODY_CANARY}"),
            "{parser}"
        );
        assert_eq!(
            letter.text_of("text/html"),
            format!("{BODY_CANARY}<p>{text}"),
            "{parser}"
        );
    }
}

fn odd_lines(site: &Site) {
    let long = "x".repeat(2_000);
    let wide = "世".repeat(2_000);
    let lines = [
        BODY_CANARY,
        ".",
        "..",
        "...",
        ".x",
        "From the start",
        ">From",
        &long,
        &wide,
        "tab\tend\t",
        "space ",
        "",
        "=",
        "==",
        "=0D=0A",
        "--",
        "é",
        "\u{1}\u{1b}[31m\u{7f}",
        "",
    ];
    let endings = ["\r\n", "\n", "\r"];
    for ending in endings {
        for field in ["text", "html"] {
            let mut mail = site.mail_with("subject", json!(field));
            // HTML alone, without a text made from it.
            mail["text"] = json!("");
            mail[field] = json!(lines.join(ending));
            site.until_sent(&site.send_mail(&mail));
        }
    }
    let mails = site.mails();
    assert_eq!(mails.len(), 2 * endings.len());
    for mail in &mails {
        let faults = Mail::parse(mail).faults_of_content();
        assert!(faults.is_empty(), "{faults:?}");
    }
    for letter in letter::read(&mails) {
        let kind = match letter.header("subject").trim() {
            "text" => "text/plain",
            _ => "text/html",
        };
        assert_eq!(
            letter.text_of(kind),
            lines.join("\n").trim_end(),
            "{}: {kind}",
            letter.parser
        );
    }
}
