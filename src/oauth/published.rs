//! What providers have published about sending through them. Figures change: each with its source.

/// One provider's figures, and what it does that a reader of the standards would not expect. What is
/// not published is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The SASL mechanism that its documents name. A server that offers others is still asked for
    /// the one that it offers.
    pub mechanism: &'static str,
    /// Messages of one mailbox in a minute.
    pub messages_a_minute: Option<u32>,
    /// Messages of one mailbox in 24 hours.
    pub messages_a_day: Option<u32>,
    /// Recipients of one mailbox in 24 hours.
    pub recipients_a_day: Option<u32>,
    /// Recipients of one message.
    pub recipients_a_message: Option<u32>,
    /// Octets of one message as it is handed over, attachments in base64 included.
    pub message_octets: Option<u64>,
    /// What else has to be known.
    pub quirks: &'static [&'static str],
}

impl Published {
    /// Exchange Online.
    ///
    /// Limits: learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits,
    /// sending limits: 30 messages a minute, 10,000 recipients a day, 500 recipients a message unless an
    /// administrator says otherwise, 35 MB unless one says otherwise. Mechanism:
    /// learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth.
    pub const EXCHANGE_ONLINE: Self = Self {
        mechanism: "XOAUTH2",
        messages_a_minute: Some(30),
        messages_a_day: None,
        recipients_a_day: Some(10_000),
        recipients_a_message: Some(500),
        message_octets: Some(35 * 1024 * 1024),
        quirks: &[
            // techcommunity.microsoft.com, Exchange Team Blog of 2018-04-20.
            "three connections of one mailbox at a time",
            // msmtp issue 190, EmailEngine PR 254.
            "the Message-ID is replaced; ours is kept as X-Microsoft-Original-Message-ID",
            // learn.microsoft.com/exchange, continuous-error throttling of SMTP AUTH submissions.
            "repeated identical failures block the mailbox, and tries prolong it",
        ],
    };

    /// Google Workspace.
    ///
    /// Limits: support.google.com/a/answer/166852: 2,000 messages a day, 10,000 recipients a day, 100
    /// recipients a message by SMTP. Size: what `smtp.gmail.com` says in its reply to EHLO. Mechanism:
    /// developers.google.com/workspace/gmail/imap/xoauth2-protocol.
    pub const GOOGLE_WORKSPACE: Self = Self {
        mechanism: "XOAUTH2",
        messages_a_minute: None,
        messages_a_day: Some(2_000),
        recipients_a_day: Some(10_000),
        recipients_a_message: Some(100),
        message_octets: Some(35_882_577),
        quirks: &[
            // Same page; of trial accounts it says 500, of personal ones others do.
            "trial and personal accounts: 500 messages a day",
            // support.google.com/a/answer/3726730.
            "550 5.4.5, the daily limit, is over after at most 24 hours",
            // developers.google.com/identity/protocols/oauth2, refresh token expiration.
            "a grant ends after 7 days while the OAuth app is in \"Testing\"",
        ],
    };
}
