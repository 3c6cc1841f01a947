//! Every cap, with its unit, its source and its reason.
//!
//! Each is enforced before the work it bounds is done, and an answer that comes of it names it.

use std::time::Duration;

/// Octets of a urlencoded form body. Enough for a long enquiry many times over, little enough to
/// parse inside the 10 ms of CPU time of the platform's Free plan.
pub const FORM_BODY_OCTETS: usize = 256 * 1024;

/// Name-value pairs of one form body. The largest real forms have some dozens of fields.
pub const FORM_FIELDS: usize = 200;

/// Characters of a form field's name, which becomes a label in the mail.
pub const FORM_FIELD_NAME_CHARS: usize = 100;

/// Characters of a single-line text that becomes a header: a name, a subject, a value. What is
/// longer than a line is folded or encoded, so this bounds work and not lines; it is the length
/// that RFC 5322 §2.1.1 allows a line to have.
pub const HEADER_TEXT_CHARS: usize = 998;

/// Characters of the name of a header that a caller adds: one line of 78 with its colon.
pub const HEADER_NAME_CHARS: usize = 76;

/// Octets of a word in a header that is folded at spaces only; one that is longer is encoded, which
/// can be broken anywhere. With the name of the header it fits the 998 of a line.
pub const HEADER_WORD_OCTETS: usize = 900;

/// Characters of the names of ignored fields that an answer repeats: a caller could name any number.
pub const IGNORED_NAMES_CHARS: usize = 1000;

/// Seconds after which a caller may try again when storage did not answer: an object is moved or
/// restarted within a few.
pub const UNAVAILABLE_RETRY_SECONDS: &str = "10";

/// Headers that a caller may add to one message.
pub const CUSTOM_HEADERS: usize = 50;

/// Characters of an attachment's file name. File systems take 255; some writers count octets.
pub const FILE_NAME_CHARS: usize = 512;

/// Characters of a media type with its parameters.
pub const MEDIA_TYPE_CHARS: usize = 255;

/// Characters of a content id. Resend's limit.
pub const CONTENT_ID_CHARS: usize = 127;

/// Attachments of one message.
pub const ATTACHMENTS: usize = 100;

/// Octets of a line of a message without its CRLF. RFC 5322 §2.1.1.
pub const TEXT_LINE_OCTETS: usize = 998;

/// Lists in lists that are indented in a text made from HTML. Each makes every item two spaces longer,
/// and what comes in has to bound what goes out.
pub const TEXT_LIST_DEPTH: usize = 4;

/// Octets of a local part. RFC 5321 §4.5.3.1.1.
pub const LOCAL_PART_OCTETS: usize = 64;

/// Octets of a domain. RFC 5321 §4.5.3.1.2 says 255; a path of 256 (§4.5.3.1.3) with the longest
/// local part leaves less, and that sum is checked as [`ADDRESS_OCTETS`].
pub const DOMAIN_OCTETS: usize = 253;

/// Octets of local part, `@` and domain: a path of 256 less its two angle brackets.
/// RFC 5321 §4.5.3.1.3.
pub const ADDRESS_OCTETS: usize = 254;

/// Octets of an address with its display name, as callers write it: the longest of both, every
/// character of the name escaped or of four octets.
pub const MAILBOX_OCTETS: usize = 2048;

/// Octets of a JSON body that is read in one piece. What is larger is kept as it comes and read from
/// storage, so that no message is ever whole in memory.
pub const JSON_WHOLE_OCTETS: usize = 256 * 1024;

/// Octets of any JSON body: the largest message, its files as base64 with room for escapes. Files
/// given as lists of numbers take four times their size and may be a third as large.
pub const JSON_BODY_OCTETS: u64 = 64 * 1024 * 1024;

/// Octets of a whole message as it is sent. Resend's 40 MB; Exchange Online takes 35 by default and
/// Gmail 36 (its `SIZE` 35,882,577), so a provider may still say no.
pub const MESSAGE_OCTETS: u64 = 40 * 1024 * 1024;

/// Octets of everything in a JSON body but the files: what is in memory while a large body is
/// read.
pub const MESSAGE_TEXT_OCTETS: usize = 768 * 1024;

/// The same as it comes, escapes and white space included: three times for `\uXXXX`, and some.
pub const MESSAGE_TEXT_RAW_OCTETS: usize = 4 * MESSAGE_TEXT_OCTETS;

/// Values in a large JSON body, files aside, since each takes memory however small it is. The
/// largest message that is understood has about 1,500.
pub const JSON_VALUES: usize = 10_000;

/// How deep the values of a JSON body may stand in each other. What serde_json allows.
pub const JSON_DEPTH: u32 = 128;

/// Octets of a file that are kept in one row: whole lines of base64, 638,976 octets when it is
/// sent, a good size for one socket write.
pub const FILE_PIECE_OCTETS: usize = 57 * 8192;

/// A body larger than this, or of a size nobody knows, is large: few of them may be under way.
pub const LARGE_BODY_OCTETS: u64 = 1024 * 1024;

/// Large bodies that an isolate reads at the same time. Each takes some MiB of its 128, which
/// everything else in the isolate shares.
pub const LARGE_BODIES: u32 = 2;

/// Bodies that are kept as they come and are not large, read at the same time by an isolate: each
/// waits with a buffer of [`UPLOAD_PIECE_OCTETS`].
pub const MEDIUM_BODIES: u32 = 16;

/// How long a large body waits for its turn before its caller is asked to come again.
pub const LARGE_BODY_WAIT: Duration = Duration::from_secs(10);

/// Octets of a body that are read at a time and kept in one row.
pub const UPLOAD_PIECE_OCTETS: usize = 256 * 1024;

/// Octets of a message's texts as they are kept for its caller to read: a row of a Durable Object's
/// storage holds 2 MB.
pub const CARD_OCTETS: usize = 1_900_000;

/// How long a body may take to arrive: 64 MiB at 2 Mbit a second.
pub const UPLOAD_TIMEOUT: Duration = Duration::from_secs(300);

/// How long the next piece of a body may take to arrive: 256 KiB at 70 kbit a second.
pub const UPLOAD_PIECE_TIMEOUT: Duration = Duration::from_secs(30);

/// A turn that was not given back is free again after this: an object that is reset gives nothing
/// back, and no request lasts longer than [`UPLOAD_TIMEOUT`] and its own work.
pub const TURN_MAX: Duration = Duration::from_secs(420);

/// Content that was kept and never became a message is dropped when it is this old: no request
/// lasts that long.
pub const STAGING_MAX: Duration = Duration::from_secs(3600);

/// How long the first wall of the API counts, as `wrangler.toml` has it: its counter tells nobody how long
/// to wait, so whoever is refused is told this.
pub const API_WALL_PERIOD: Duration = Duration::from_secs(10);

/// Requests a second that a caller of the API may make, unless its key says otherwise. Resend's
/// documented default.
pub const API_REQUESTS_PER_SECOND: u32 = 10;

/// How far ahead a message may be scheduled: a year, whichever it is. Resend takes 30 days.
pub const SCHEDULE_AHEAD_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// Octets of the body of a request that reschedules a message: one time, and room for fields that
/// nobody knows.
pub const RESCHEDULE_BODY_OCTETS: usize = 4096;

/// Messages of one page of a list. Resend's limit.
pub const LIST_PAGE: usize = 100;

/// Messages of a page where its caller does not say. Resend's.
pub const LIST_PAGE_DEFAULT: usize = 20;

/// Octets of addresses, subjects and tags after which an Outbox ends its part of a page: messages with
/// hundreds of long names would make a page of megabytes. What is left comes with the next.
pub const LIST_OCTETS: usize = 512 * 1024;

/// Messages of one batch. Resend's limit.
pub const BATCH: usize = 100;

/// Octets of the body of a batch, which is read in one piece: the text of
/// [`MESSAGE_TEXT_OCTETS`], with room for escapes and white space.
pub const BATCH_OCTETS: usize = 1024 * 1024;

/// Addresses in each of `to`, `cc`, `bcc` and `reply_to`. Resend's limit for `to`.
pub const RECIPIENTS_PER_FIELD: usize = 50;

/// Tags of one message.
pub const TAGS: usize = 50;

/// Characters of a tag's name and of its value. Resend's limit.
pub const TAG_CHARS: usize = 256;

/// Characters of an idempotency key. Resend's limit.
pub const IDEMPOTENCY_KEY_CHARS: usize = 256;

/// How long a request is remembered by its idempotency key. Resend's 24 hours.
pub const IDEMPOTENCY_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// How long an operator's session lasts at most.
pub const SESSION_MAX: Duration = Duration::from_secs(12 * 3600);

/// How long it lasts without being used.
pub const SESSION_IDLE: Duration = Duration::from_secs(3600);

/// A session's cookie is issued anew when it is this old: not with every answer.
pub const SESSION_RENEW: Duration = Duration::from_secs(300);

/// How far ahead of ours the clock of another of the platform's machines may be, when what it has
/// signed comes here.
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(120);

/// Tries to log in from one address in [`LOGIN_ADDRESS_WINDOW`]: more than a person makes who picks
/// the wrong entry of a password manager.
pub const LOGIN_TRIES_PER_ADDRESS: usize = 5;

/// The time in which [`LOGIN_TRIES_PER_ADDRESS`] are counted.
pub const LOGIN_ADDRESS_WINDOW: Duration = Duration::from_secs(60);

/// Tries to log in in [`LOGIN_WINDOW`], wherever they come from. The key cannot be guessed; this bounds
/// what trying costs.
pub const LOGIN_TRIES: usize = 50;

/// The time in which [`LOGIN_TRIES`] are counted.
pub const LOGIN_WINDOW: Duration = Duration::from_secs(3600);

/// How long a person may take to consent: as long as providers let a code live (RFC 6749 §4.1.2).
pub const CONSENT_MAX: Duration = Duration::from_secs(600);

/// How long it is remembered that a consent was begun, so that whoever comes back late or twice is
/// told which of the two it was.
pub const CONSENT_REMEMBERED: Duration = Duration::from_secs(3600);

/// Consents under way or remembered. Only the operator can begin one.
pub const CONSENTS: usize = 50;

/// Outboxes and Keepers that the Registry knows. Each is a mailbox or a credential; the record of so
/// many is about 150 KB, in a row that may hold 2 MB. An application that sends for a thousand addresses
/// has one credential and a thousand Outboxes.
pub const REGISTRY_OBJECTS: usize = 2500;

/// How long an object waits for the Registry before its first use: whoever handed something in waits
/// with it.
pub const REGISTRY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an object may take to take a STOP. All are called at once, in two rounds and behind the
/// Registry: whoever stops is told within half a minute who did not answer.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Characters of an authorization code. RFC 6749 §4.1.2 leaves it open; Microsoft's have about 1,500.
pub const CODE_CHARS: usize = 4096;

/// Characters of the query of the callback: a code, a state and an issuer, or an error in words.
pub const CALLBACK_QUERY_CHARS: usize = 8192;

/// Octets of the body of a request to the operator's routes: a key, or a hidden field.
pub const OPERATOR_BODY_OCTETS: usize = 4096;

/// Recipients a form may be configured with. Well below the 100 that every server must take
/// (RFC 5321 §4.5.3.1.8).
pub const FORM_RECIPIENTS: usize = 50;

/// Octets of content kept in one row. A Durable Object's SQLite row holds 2 MB; 1 MiB leaves
/// room and is a good size for one socket write.
pub const CONTENT_CHUNK_OCTETS: usize = 1024 * 1024;

/// Octets of one line of an SMTP reply. RFC 5321 §4.5.3.1.5 says 512; servers exceed it, none
/// seen comes near this.
pub const REPLY_LINE_OCTETS: usize = 4096;

/// Lines of one SMTP reply. The longest EHLO reply seen has about 20.
pub const REPLY_LINES: usize = 64;

/// Octets of one SMTP reply, all lines together.
pub const REPLY_OCTETS: usize = 16 * 1024;

/// Octets of a command line with its CRLF. RFC 5321 §4.5.3.1.4; RFC 4954 §4 forbids an initial
/// response on the AUTH line beyond it.
pub const COMMAND_LINE_OCTETS: usize = 512;

/// Octets of a SASL line with its CRLF. RFC 4954 §4.
pub const SASL_LINE_OCTETS: usize = 12_288;

/// Characters of a provider's answer that are kept in a message's story.
pub const ANSWER_CHARS: usize = 500;

/// Empty lines before a greeting that are let pass. None is SMTP; a server that sends one is heard
/// all the same, and one that sends nothing else is not.
pub const LEADING_EMPTY_LINES: usize = 8;

/// How long a server may take to greet, to answer a command, or to finish the TLS handshake.
/// RFC 5321 §4.5.3.2 asks for minutes; providers answer in under a second, and a Durable Object
/// that waits is billed.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the server may take to accept a piece of content. RFC 5321 §4.5.3.2.5.
pub const CONTENT_TIMEOUT: Duration = Duration::from_secs(180);

/// How long we wait for the reply to the end of content. RFC 5321 §4.5.3.2.6: giving up earlier
/// makes copies, because the server may have accepted the message.
pub const FINAL_REPLY_TIMEOUT: Duration = Duration::from_secs(600);

/// How long `QUIT` and closing may hold us. The outcome is known by then.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long TCP may take to connect.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long one request to a token endpoint may take, body included.
pub const TOKEN_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Octets of a token endpoint's answer. Real ones are 2 to 6 KB.
pub const TOKEN_RESPONSE_OCTETS: usize = 64 * 1024;

/// Characters of an endpoint in an authorization server's metadata. Real ones have about 100.
pub const ENDPOINT_CHARS: usize = 2048;

/// How long an authorization server's metadata is used before it is asked for again. It changes when
/// a provider moves, and a provider that moves keeps its old endpoints for longer than this.
pub const METADATA_AGE: Duration = Duration::from_secs(24 * 3600);

/// How long the metadata of before is used when it could not be had anew.
pub const METADATA_RETRY: Duration = Duration::from_secs(15 * 60);

/// How long an assertion is good. Microsoft wants 5 to 10 minutes, Google an hour at most; each is
/// presented once, at once, and is worth something to a thief for no longer than this.
/// <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>
pub const ASSERTION_LIFETIME: Duration = Duration::from_secs(300);

/// How long before now an assertion begins to be good: a verifier whose clock is a little behind
/// ours would take it for one from the future.
pub const ASSERTION_BACKDATING: Duration = Duration::from_secs(10);

/// Octets of an RSA key's modulus: "A key of size 2048 bits or larger MUST be used"
/// (RFC 7518 §3.3 and §3.5).
pub const RSA_KEY_OCTETS_MIN: usize = 256;

/// Characters of a key's name at the provider (`kid`). Google's have 40, digests in hexadecimal 64.
pub const KEY_ID_CHARS: usize = 200;

/// Characters of the reason in a SASL error challenge that are kept beside the server's words,
/// which have the rest of [`ANSWER_CHARS`].
pub const SASL_REASON_CHARS: usize = 200;

/// Characters of an access token, so that the SASL line stays below [`SASL_LINE_OCTETS`] with
/// the longest address: 3/4 of 12,288, less address and framing.
pub const ACCESS_TOKEN_CHARS: usize = 8_900;

/// The longest time an access token is believed to live, whatever the provider says.
pub const TOKEN_LIFETIME_MAX: Duration = Duration::from_secs(24 * 3600);

/// Assumed when the provider names no lifetime (RFC 6749 §5.1 only recommends `expires_in`).
pub const TOKEN_LIFETIME_DEFAULT: Duration = Duration::from_secs(300);

/// A token is renewed this long before it ends: it must outlive a session, and clocks differ.
pub const TOKEN_EXPIRY_MARGIN: Duration = Duration::from_secs(120);

/// How soon a Keeper tries again to reach the Outbox that tells the owner. Ours: an Outbox that is at
/// work takes no news, and is done within minutes.
pub const OWNER_TELL_RETRY: Duration = Duration::from_secs(15 * 60);

/// How long Workers KV may show an old value after a new one was written: "up to 60 seconds or
/// more" elsewhere. <https://developers.cloudflare.com/kv/concepts/how-kv-works/#consistency>
pub const KV_STALE_MAX: Duration = Duration::from_secs(60);

/// How long before the margin begins an access token that is in use is renewed. Ours: several
/// times [`KV_STALE_MAX`], and a provider that has a bad minute is asked again meanwhile.
pub const TOKEN_RENEWAL_LEAD: Duration = Duration::from_secs(300);

/// How often the provider is asked about a credential that nobody uses. Ours: a grant that has ended
/// is to be known within the day, and one request a day is nothing to anybody.
pub const CREDENTIAL_CHECK_EVERY: Duration = Duration::from_secs(24 * 3600);

/// The least time to live that Workers KV takes.
/// <https://developers.cloudflare.com/kv/api/write-key-value-pairs/#expiring-keys>
pub const KV_TTL_MIN: Duration = Duration::from_secs(60);

/// The longest `Retry-After` we honour: an hour, so that an absurd value cannot park a
/// mailbox.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// How long a token endpoint that says "too many requests" is left alone, unless it asks for more.
/// What it usually asks for.
/// <https://learn.microsoft.com/entra/msal/dotnet/advanced/client-and-server-throttling>
pub const TOKEN_THROTTLED_WAIT: Duration = Duration::from_secs(60);

/// The same where it saw the same request again and again, or throttles a whole directory: it names
/// no time, and a minute was seen to be too short.
pub const TOKEN_LOOP_WAIT: Duration = Duration::from_secs(300);

/// The first wait before a message is tried again; doubled each time.
pub const RETRY_FIRST: Duration = Duration::from_secs(60);

/// The longest wait before a message is tried again.
pub const RETRY_LONGEST: Duration = Duration::from_secs(4 * 3600);

/// The shortest wait jitter may choose: a retry in the same second finds the same fault.
pub const RETRY_SHORTEST: Duration = Duration::from_secs(5);

/// A message in doubt is not sent again before this: the provider may still be delivering it.
pub const DOUBT_WAIT: Duration = Duration::from_secs(300);

/// A mailbox that was refused for authentication or configuration is probed this often at
/// first, and at most after [`PROBE_LONGEST`].
pub const PROBE_FIRST: Duration = Duration::from_secs(15 * 60);

/// The longest time between two probes of a mailbox that needs a person.
pub const PROBE_LONGEST: Duration = Duration::from_secs(6 * 3600);

/// How long connecting, TLS and AUTH may take together. A server slow at every step must not use
/// up the handler's time without a message sent.
pub const OPEN_TIMEOUT: Duration = Duration::from_secs(120);

/// How long the cache of tokens may take to answer. It is there to be fast.
pub const CACHE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a Keeper may take to answer: its own request to the provider, and those before it.
pub const KEEPER_TIMEOUT: Duration = Duration::from_secs(30);

/// A blocked mailbox is left alone this long, and then tried with one message each time. Microsoft
/// prolongs the block when it is tried more often (design of continuous-error throttling).
pub const BLOCKED_WAIT: Duration = Duration::from_secs(4 * 3600);

/// A mailbox that has used up what its provider lets it send in a day is left alone this long, and
/// then tried with one message each time. The providers' windows slide over 24 hours, so capacity
/// comes back bit by bit; more tries would be counted against the mailbox.
pub const QUOTA_WAIT: Duration = Duration::from_secs(4 * 3600);

/// No flight begins in an alarm handler older than this: the platform ends a handler after 15
/// minutes, the final reply may take 10, and one is left to spare.
pub const FLIGHT_BEGIN_MAX: Duration = Duration::from_secs(240);

/// Content is handed over whole before the handler is this old, or not at all: what remains is
/// the time for the final reply and half a minute.
pub const HAND_OVER_MAX: Duration = Duration::from_secs(270);

/// Octets a second at which content goes out at least, as far as we reckon with: 2 Mbit/s, a small
/// part of what providers take. A message that would not be over by [`HAND_OVER_MAX`] at that rate is
/// begun by a run that has nothing else to do before it; the largest takes 160 s.
pub const TRANSFER_OCTETS_PER_SECOND: u64 = 256 * 1024;

/// A run that no alarm stands behind arms one this much later, in case it dies with the Worker; so
/// does an alarm that finds a run under way.
pub const RUN_SAFETY: Duration = Duration::from_secs(60);

/// After storage failed, an Outbox tries again this much later.
pub const STORE_RETRY: Duration = Duration::from_secs(60);

/// How often an Outbox that `STOP` in the configuration holds back looks whether it is still there, and
/// a Keeper whether it is stopped. A deploy without it wakes nobody.
pub const STOP_LOOK: Duration = Duration::from_secs(300);

/// A message due for longer than this without an attempt under way means that its alarm was
/// lost; the next request to the Outbox then starts the drain itself.
pub const ALARM_LOST_AFTER: Duration = Duration::from_secs(60);

/// Alerts of one mailbox that are kept until they are told; the oldest goes first, and one about messages
/// before one about the mailbox. Each is news of its
/// own, and an owner who missed ten of them is not helped by more.
pub const ALERTS_KEPT: usize = 10;

/// Messages that one alert names; how many there are it says in any case.
pub const ALERT_IDS: usize = 20;

/// Addresses that alerts are mailed to.
pub const ALERT_RECIPIENTS: usize = 10;

/// Messages that failed are told of once in this time, all together: a caller with a bad list of
/// recipients must not make as many alerts.
pub const ALERT_DIGEST_EVERY: Duration = Duration::from_secs(3600);

/// Trouble that should pass by itself is told when it has lasted so long. Outages of providers are
/// mostly shorter, and nobody could do anything about them.
pub const ALERT_LASTING: Duration = Duration::from_secs(4 * 3600);

/// How long a channel may take to take one alert.
pub const ALERT_TIMEOUT: Duration = Duration::from_secs(15);

/// How long one run may be telling. Mail that is accepted meanwhile waits for it.
pub const ALERT_RUN_MAX: Duration = Duration::from_secs(30);

/// The first wait before an alert that a channel did not take is told again; doubled each time.
pub const ALERT_RETRY_FIRST: Duration = Duration::from_secs(120);

/// The longest wait before that.
pub const ALERT_RETRY_LONGEST: Duration = Duration::from_secs(3600);

/// The shortest wait jitter may choose.
pub const ALERT_RETRY_SHORTEST: Duration = Duration::from_secs(60);

/// An alert that a channel has not taken for so long is dropped: by then it is history.
pub const ALERT_GIVE_UP: Duration = Duration::from_secs(3 * 24 * 3600);
