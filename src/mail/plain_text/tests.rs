use super::*;

fn text(html: &str) -> String {
    BodyText::from_html(&BodyText::try_from(html.to_owned()).unwrap()).into()
}

/// Each of these is read as the text beside it.
fn check(cases: &[(&str, &str)]) {
    for (html, expected) in cases {
        assert_eq!(text(html), *expected, "{html}");
    }
}

#[test]
fn the_words_are_kept_and_the_markup_is_not() {
    check(&[
        (
            "<!DOCTYPE html><html><head><title>T</title><style>p{}</style></head><body>\n<p>Hello \
             &amp; welcome</p>\n<p>Second<br>line</p><script>if (a<b) alert('</p>')</script></body>",
            "Hello & welcome\n\nSecond\nline",
        ),
        ("a <b>bold</b>, <i>i</i><u>u</u>", "a bold, iu"),
        (
            "one<!-- <p>two</p> -->, <!--[if mso]>no<![endif]-->three",
            "one, three",
        ),
        (
            "<p title=\"a>b\" class='<x>'>1 < 2 & 3 > 2</p>",
            "1 < 2 & 3 > 2",
        ),
        ("<template><p>no</p></template>yes", "yes"),
        ("", ""),
        (" \n ", ""),
    ]);
}

#[test]
fn blocks_stand_on_lines_of_their_own() {
    check(&[
        ("<h1>A</h1><p>B</p>", "A\n\nB"),
        ("<div>A</div><div>B</div>", "A\nB"),
        ("A<p>B", "A\n\nB"),
        ("<p>A<br></p><p><br></p><p>&nbsp;</p>B", "A\n\nB"),
        ("A<br>B<br><br><br>C", "A\nB\n\nC"),
        ("A  \n B", "A B"),
        ("<div><div><p>A</p></div></div><footer>B</footer>", "A\n\nB"),
        ("A<hr>B", "A\n\nB"),
        ("<pre>a\n  b &lt;\n</pre>c d", "a\n  b <\n\nc d"),
    ]);
}

#[test]
fn lists_and_tables_can_be_told_apart() {
    check(&[
        ("<ul><li>A</li><li>B</li></ul>", "- A\n- B"),
        ("x<ul><li><p>A</p></li><li>B</ul>y", "x\n\n- A\n\n- B\n\ny"),
        ("<ol><li>A<ul><li>A1</ul><li>B</ol>", "1. A\n  - A1\n2. B"),
        ("<ul><li></li><li> </li></ul>x", "x"),
        (
            "<table><tr><th>Thing</th><th>Price</th></tr>\n<tr><td>Pen</td>\n <td> 2 €</td></tr></table>",
            "Thing\tPrice\nPen\t2 €",
        ),
        (
            "<table><td><p>A</p></td><td><p>B</p></td></table>",
            "A\n\nB",
        ),
    ]);
}

#[test]
fn links_keep_their_address() {
    check(&[
        (
            "See <a href=\"https://x.test/?a=1&lang=en&amp;b=2\">the offer</a>, now.",
            "See the offer <https://x.test/?a=1&lang=en&b=2>, now.",
        ),
        (
            "<a href=https://x.test/>https://x.test/</a>",
            "https://x.test/",
        ),
        ("<a href=https://x.test/>x.test</a>", "x.test"),
        ("<a href='mailto:a@x.test'>a@x.test</a>", "a@x.test"),
        ("<a href='MAILTO:a@x.test'>us</a>", "us <a@x.test>"),
        ("<a href='tel:+1'>Call</a>", "Call <+1>"),
        (
            "<a href=' https://x\n.test '><img src=x alt='Our logo'></a>",
            "Our logo <https://x.test>",
        ),
        (
            "<p>A</p><a href=https://x.test><img src=x></a>",
            "A\n\n<https://x.test>",
        ),
        (
            "<a href=https://x.test><h1>Title</h1></a><p>B",
            "Title <https://x.test>\n\nB",
        ),
        (
            "<a href=https://a.test>A<a href=https://b.test>B",
            "A <https://a.test>B <https://b.test>",
        ),
        (
            "<a href='#top'>A</a> <a href='/x'>B</a> <a href='javascript:x'>C</a> <a name=d>D</a>",
            "A B C D",
        ),
        (
            "<a href='java&#10;script:x'>A</a><a href='https://'>B</a>",
            "AB",
        ),
    ]);
}

#[test]
fn entities_are_read_as_the_standard_says() {
    check(&[
        ("&lt;b&gt; &quot;&apos;&amp;amp;", "<b> \"'&amp;"),
        (
            "&auml;&Auml;&szlig;&euro;&hellip;&mdash;&zwnj;&rarr;",
            "äÄß€…—\u{200c}→",
        ),
        (
            "&copy 2026 &notit; &unknown; AT&T &#8364;&#x20AC;&#150;",
            "© 2026 ¬it; &unknown; AT&T €€–",
        ),
        (
            "&scaron;&Lstrok;&gbreve;&Omega;&zhcy;&check;&laquo;&apos;",
            "šŁğΩж✓«'",
        ),
        // Mathematics is not read.
        ("&NotEqualTilde;", "&NotEqualTilde;"),
        (
            "a&nbsp;b&#0;&#xD800;&#x110000;&#9999999999999;",
            "a b\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
        ),
    ]);
}

#[test]
fn a12_nothing_in_it_is_slow_or_ends_it() {
    let n = 100_000;
    let cases = [
        format!(
            "<img src=\"data:image/png;base64,{}\">x",
            "A".repeat(1_000_000)
        ),
        "<a href=\"x\">y</a>".repeat(50_000),
        "<a href=https://x.test>y".repeat(50_000),
        "<".repeat(n),
        "<a ".repeat(n),
        "<a =\"".repeat(n),
        format!("{}='>", "<a b=''".repeat(n)),
        "</".repeat(n),
        "<ul><li>".repeat(n),
        "<pre>".repeat(n) + " x",
        format!("<pre>{}", " \n".repeat(n)),
        "<script>".repeat(n),
        format!("<style>{}", "</style".repeat(n)),
        format!("<script>{}", "</scrip>".repeat(n)),
        format!("<!--{}", "--".repeat(n)),
        format!("<!--{}", "--x".repeat(n)),
        "<textarea></".repeat(n),
        "<!--".repeat(n),
        "<!--".to_owned(),
        "<![CDATA[".repeat(n),
        "&".repeat(n),
        "&#".repeat(n),
        "&CounterClockwise".repeat(n),
        format!("&#{};", "9".repeat(n)),
        "&#0;<".to_owned(),
    ];
    for html in cases {
        let (began, text) = (html.len(), text(&html));
        assert!(!text.contains('\0'));
        // What came in bounds what goes out.
        assert!(text.len() <= began.saturating_mul(4), "{:.40}", html);
    }
}

/// What both readers make of a document.
#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    Start(Tag, Option<String>, Option<String>),
    End(Tag),
}

fn add_text(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        Some(Piece::Text(before)) => before.push_str(text),
        _ if text.is_empty() => {}
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

fn ours(html: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for token in Markup(html) {
        let decoded = |value: Option<&str>| value.map(|value| decode(value, Place::Attribute));
        match token {
            Token::Text(text) => add_text(&mut pieces, &decode(text, Place::Content)),
            Token::Start { tag, href, alt } => {
                pieces.push(Piece::Start(tag, decoded(href), decoded(alt)));
            }
            Token::End(tag) => pieces.push(Piece::End(tag)),
        }
    }
    pieces
}

fn theirs(html: &str) -> Vec<Piece> {
    let text_of = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
    let mut emitter = html5gum::DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let (mut pieces, mut hidden) = (Vec::new(), None);
    for token in html5gum::Tokenizer::new_with_emitter(html, emitter) {
        match token.unwrap() {
            html5gum::Token::String(text) if hidden.is_none() => {
                add_text(&mut pieces, &text_of(&text.value));
            }
            html5gum::Token::StartTag(tag) => {
                let value = |name: &[u8]| {
                    let value = tag.attributes.get(name);
                    value.map(|value| text_of(&value.value))
                };
                match Tag::of(&tag.name) {
                    Tag::Hidden(name) => hidden = Some(name),
                    own => pieces.push(Piece::Start(own, value(b"href"), value(b"alt"))),
                }
            }
            html5gum::Token::EndTag(tag) => match hidden {
                Some(name) if name.as_bytes() == &**tag.name => hidden = None,
                Some(_) => {}
                None => pieces.push(Piece::End(Tag::of(&tag.name))),
            },
            _ => {}
        }
    }
    pieces
}

#[test]
fn whatever_the_markup_it_is_read_as_the_standard_says() {
    const WORDS: [&str; 52] = [
        "<",
        ">",
        "</",
        "/>",
        "/",
        "<a",
        "<p>",
        "</a>",
        "<A HREF",
        "href",
        "alt",
        "=",
        "\"",
        "'",
        " ",
        "\n",
        "\t",
        "\u{c}",
        "x",
        "ü",
        "<br",
        "<img ",
        "<!--",
        "-->",
        "--!>",
        "-",
        "--",
        "!",
        "<!",
        "<?",
        "<![CDATA[",
        "<!DOCTYPE html ",
        "<style>",
        "</style",
        "</STYLE >",
        "<title>",
        "</title>",
        "&",
        ";",
        "&amp;",
        "&amp",
        "&lt",
        "&not",
        "it;",
        "&copy=",
        "&#",
        "&#x",
        "80",
        "D800;",
        "9999999999",
        "&auml;",
        "<blockquotes>",
    ];
    let mut state = 1_u64;
    for _ in 0..20_000 {
        let mut html = String::new();
        let mut next = |below: u64| {
            // The generator of Knuth's MMIX; its upper bits are the good ones.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from((state >> 33) % below).unwrap()
        };
        for _ in 0..next(24) {
            html.push_str(WORDS[next(52)]);
        }
        assert_eq!(ours(&html), theirs(&html), "{html:?}");
    }
}
