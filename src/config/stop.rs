//! `STOP`: everything stands still as long as it is set.

use serde_json::Value;

/// What becomes of mail that is handed in meanwhile. What is there already waits in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It is taken, and waits.
    Keep,
    /// It is refused: `reject`.
    Reject,
}

impl Stop {
    /// Whoever sets it is in a hurry: anything but a plain no is a yes.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let text = value.as_str().map(|text| text.trim().to_ascii_lowercase());
        match (value, text.as_deref()) {
            (Value::Bool(false) | Value::Null, _)
            | (_, Some("" | "0" | "no" | "off" | "false")) => None,
            (_, Some("reject")) => Some(Self::Reject),
            _ => Some(Self::Keep),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn anything_but_a_plain_no_is_a_yes() {
        for no in [
            json!(""),
            json!("0"),
            json!("No"),
            json!("off"),
            json!("false"),
            json!(false),
            json!(null),
        ] {
            assert_eq!(Stop::read(&no), None, "{no}");
        }
        for yes in [
            json!("1"),
            json!("yes"),
            json!("stop"),
            json!("please"),
            json!(true),
            json!(1),
            json!({}),
        ] {
            assert_eq!(Stop::read(&yes), Some(Stop::Keep), "{yes}");
        }
        assert_eq!(Stop::read(&json!(" Reject\n")), Some(Stop::Reject));
    }
}
