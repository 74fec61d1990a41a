//! Walks over an XML document from outside: streaming, without DTD and entities of its own, nested no deeper than any feed needs.
//! Prefixes are kept apart from names, because feeds bind them as they like.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

use super::error::Trouble;

/// Deepest nesting that is read (OUT-04).
const MAX_DEPTH: usize = 32;

/// Most attributes of an element that are read.
const MAX_ATTRIBUTES: usize = 64;

/// An element with its attributes; names in lower case, without prefix.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: String,
    /// It stands in a namespace of its own, such as `torznab:attr` or `atom:link`.
    pub(super) has_prefix: bool,
    attributes: Vec<(String, String)>,
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn read(start: &BytesStart<'_>) -> Self {
        let (name, prefix) = start.name().decompose();
        let mut attributes = start.html_attributes();
        let attributes = attributes.with_checks(false).take(MAX_ATTRIBUTES).filter_map(Result::ok).map(|attribute| {
            let name = attribute.key.local_name().into_inner().to_ascii_lowercase();
            (name, decode_references(&attribute.value))
        });
        Self {
            name: name.into_inner().to_ascii_lowercase(),
            has_prefix: prefix.is_some(),
            attributes: attributes.collect(),
        }
    }
}

/// Is told what stands in a document. The root has depth 0.
pub(super) trait Sink {
    fn open(&mut self, depth: usize, element: &Element);
    /// A piece of the text of the element at `depth`: there may be several.
    fn text(&mut self, depth: usize, text: &str);
    fn close(&mut self, depth: usize);
}

/// Walks over a document whose root is `root`.
pub(super) fn walk(body: &[u8], root: &str, sink: &mut impl Sink) -> Result<(), Trouble> {
    let text = without_control_characters(body);
    let mut reader = Reader::from_str(&text);
    let config = reader.config_mut();
    config.allow_dangling_amp = true;
    config.expand_empty_elements = true;
    // How many elements are open.
    let mut open_count: usize = 0;
    let mut has_root = false;
    loop {
        let inside = open_count.checked_sub(1);
        match reader.read_event().map_err(|_| Trouble::Malformed("the XML is broken"))? {
            Event::Start(start) => {
                let element = Element::read(&start);
                if inside.is_none() {
                    if has_root {
                        return Err(Trouble::Malformed("it has two roots"));
                    }
                    check_root(&element, root)?;
                    has_root = true;
                }
                if open_count >= MAX_DEPTH {
                    return Err(Trouble::TooDeep);
                }
                sink.open(open_count, &element);
                open_count = open_count.saturating_add(1);
            }
            Event::End(_) => {
                open_count = inside.ok_or(Trouble::Malformed("the XML is broken"))?;
                sink.close(open_count);
            }
            Event::Text(text) => inside.into_iter().for_each(|depth| sink.text(depth, &text)),
            Event::CData(text) => inside.into_iter().for_each(|depth| sink.text(depth, &text)),
            Event::GeneralRef(reference) => {
                let text = decode_reference(&reference).unwrap_or_else(|| format!("&{};", &*reference));
                inside.into_iter().for_each(|depth| sink.text(depth, &text));
            }
            Event::DocType(doctype) => {
                let is_html = doctype.trim_start().get(..4).is_some_and(|name| name.eq_ignore_ascii_case("html"));
                return Err(if is_html { Trouble::WebPage } else { Trouble::Malformed("it has a document type") });
            }
            Event::Eof if !has_root => return Err(Trouble::Malformed("it is no XML")),
            Event::Eof if open_count > 0 => return Err(Trouble::Malformed("it ends too early")),
            Event::Eof => return Ok(()),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

/// An error document may come with any status, so it is looked for before anything else.
fn check_root(element: &Element, wanted: &str) -> Result<(), Trouble> {
    match element.name.as_str() {
        name if name == wanted => Ok(()),
        "error" => Err(Trouble::Error {
            code: element.attribute("code").and_then(|code| code.trim().parse().ok()),
            description: element.attribute("description").unwrap_or_default().to_owned(),
        }),
        "html" => Err(Trouble::WebPage),
        _ => Err(Trouble::Malformed("it is another kind of document")),
    }
}

/// UTF-8 with whatever is not replaced, without a byte order mark, and without characters that XML forbids and some sites send.
fn without_control_characters(body: &[u8]) -> String {
    let is_kept = |c: &char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
    String::from_utf8_lossy(body).trim_start_matches('\u{feff}').chars().filter(is_kept).collect()
}

/// What `&…;` stands for: one of XML's five, a number, or the space that HTML feeds bring along.
fn decode_reference(name: &str) -> Option<String> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).map(String::from);
    }
    if name == "nbsp" { Some(" ".to_owned()) } else { resolve_predefined_entity(name).map(str::to_owned) }
}

/// A text with its references decoded; what is none stays as it is: sites write bare `&` into addresses.
pub(super) fn decode_references(text: &str) -> String {
    /// Longest name of a reference that is looked for, in bytes.
    const MAX_NAME_BYTES: usize = 10;
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        // Looked for in the next few bytes only, or a text of nothing but `&` would take the square of its length.
        let end = after.bytes().take(MAX_NAME_BYTES.saturating_add(1)).position(|byte| byte == b';');
        let reference = end.and_then(|end| Some((after.get(..end)?, after.get(end..)?.strip_prefix(';')?)));
        match reference.and_then(|(name, after)| Some((decode_reference(name)?, after))) {
            Some((text, after)) => {
                decoded.push_str(&text);
                rest = after;
            }
            None => {
                decoded.push('&');
                rest = after;
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Lines(Vec<String>);

    impl Sink for Lines {
        fn open(&mut self, depth: usize, element: &Element) {
            self.0.push(format!("{depth} {} {:?}", element.name, element.attributes));
        }
        fn text(&mut self, depth: usize, text: &str) {
            self.0.push(format!("{depth} '{text}'"));
        }
        fn close(&mut self, depth: usize) {
            self.0.push(format!("{depth} end"));
        }
    }

    fn lines(text: &str) -> Result<Vec<String>, Trouble> {
        let mut lines = Lines::default();
        walk(text.as_bytes(), "rss", &mut lines).map(|()| lines.0)
    }

    /// Goal: what sites really send is read: marks, control characters, bare ampersands, references, empty elements.
    #[test]
    fn sloppy_documents_are_read() {
        let text = "\u{feff}<?xml version=\"1.0\"?><rss><X:Attr Name='a&amp;b&c' X:value=\"\u{8}1\"/>a & b&#8211;&eacute;\u{1}</rss>";
        let wanted = [
            "0 rss []",
            "1 attr [(\"name\", \"a&b&c\"), (\"value\", \"1\")]",
            "1 end",
            "0 'a '",
            "0 '& b'",
            "0 '–'",
            "0 '&eacute;'",
            "0 end",
        ];
        assert_eq!(lines(text).unwrap(), wanted);
    }

    /// Goal: nothing is expanded, nothing is nested without end, and each other kind of body is told apart.
    #[test]
    fn hostile_and_other_documents_are_refused() {
        let bomb = "<!DOCTYPE rss [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><rss>&b;</rss>";
        assert_eq!(lines(bomb), Err(Trouble::Malformed("it has a document type")));
        assert_eq!(lines("<!doctype HTML><html></html>"), Err(Trouble::WebPage));
        assert_eq!(lines("<html><body>"), Err(Trouble::WebPage));
        assert_eq!(lines(&format!("<rss>{}", "<a>".repeat(100_000))), Err(Trouble::TooDeep));
        assert_eq!(lines(&format!("<rss>{}{}</rss>", "<a>".repeat(31), "</a>".repeat(31))).map(drop), Ok(()));
        for broken in ["", "{}", "<rss>", "<rss><a></rss>", "<rss></rss><rss></rss>", "</rss>", "<feed/>", "<rss"] {
            assert!(matches!(lines(broken), Err(Trouble::Malformed(_))), "{broken}");
        }
        let error = Trouble::Error { code: Some(100), description: "Incorrect user credentials".into() };
        assert_eq!(lines("<error code=\"100\" description=\"Incorrect user credentials\"/>"), Err(error));
    }

    /// Goal: an element with ever so many attributes, or with a huge one, costs no more than its length and keeps no more than the limit.
    #[test]
    fn attributes_are_limited() {
        let many: String = (0..5_000).map(|number| format!(" a{number}='{number}'")).collect();
        let read = lines(&format!("<rss><attr name='size'{many} value='7'/></rss>")).unwrap();
        assert!(read[1].contains("\"a62\"") && !read[1].contains("\"a63\""), "{}", read[1]);
        let huge = "x".repeat(1 << 20);
        assert!(lines(&format!("<rss><attr name='size' value='{huge}'/></rss>")).is_ok());
        let entities = "&#65;".repeat(200_000);
        assert!(lines(&format!("<rss a='{entities}'>{entities}</rss>")).is_ok());
        for bomb in [
            "<!DOCTYPE rss SYSTEM 'file:///etc/passwd'><rss/>",
            "<?xml version='1.0'?><!DOCTYPE rss [<!ENTITY x SYSTEM 'http://169.254.169.254/'>]><rss>&x;</rss>",
        ] {
            assert!(matches!(lines(bomb), Err(Trouble::Malformed(_))), "{bomb}");
        }
    }

    /// Goal: reading takes time in proportion to the length, whatever stands there.
    /// Method: bodies of 256 KiB that a careless reader looks through again at every character: the suite would then stand still here.
    #[test]
    fn time_grows_with_the_length_only() {
        for piece in ["&", "&a", "<a>&</a>", "<a b='&'/>", "<!-- -", "<a b", "]]", "&#1;"] {
            let filler = piece.repeat((256 << 10) / piece.len());
            let _ = lines(&format!("<rss>{filler}</rss>"));
            let _ = lines(&format!("<rss a='{filler}'/>"));
        }
    }

    proptest! {
        /// Goal: no text makes the walk panic, and what is opened is closed.
        #[test]
        fn any_text_is_survived(text in r#"(<rss>|</rss>|<a|/>|>|</a>|&#?x?[0-9a-z]{0,4};?|<!\[CDATA\[|\]\]>|<!--|-->|<\?|"|=| |.){0,40}"#) {
            if let Ok(lines) = lines(&text) {
                let count = |word: &str| lines.iter().filter(|line| line.contains(word)).count();
                prop_assert_eq!(count(" end"), lines.iter().filter(|line| line.ends_with(']')).count());
            }
            let _ = decode_references(&text);
        }
    }
}
