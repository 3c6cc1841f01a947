//! The operator's door with everything behind it, in memory.

#![allow(
    unreachable_pub,
    missing_debug_implementations,
    missing_docs,
    reason = "a test"
)]

use std::{
    cell::{Cell, RefCell},
    pin::Pin,
};

use edgepost::{
    app::{
        Drain, Keeper, Operator, Request, Response, TokenMemory, Word, is_operators,
        ports::RateLimiter,
    },
    config::{Config, Name},
    limits::OPERATOR_BODY_OCTETS,
    seal::{Purpose, Sealer},
};
use futures_util::lock::Mutex;
use serde_json::{Value, json};

use crate::support::{
    MemoryAlerts, MemoryCache, MemoryCustody, MemoryStore, Move, Move::*, NativeSigner,
    ScriptedProvider, ScriptedServer, SeededEntropy, VirtualClock,
};

pub const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
pub const MONITOR_KEY: &str = "HxECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
pub const PUBLIC: &str = "https://mail.example.com";
pub const BROWSER: (&str, &str) = ("accept", "text/html");

/// What the provider grants for a good code.
pub const GRANTED: &str = r#"{"token_type":"Bearer","access_token":"canary-access","expires_in":3600,
    "refresh_token":"canary-refresh","scope":"https://mail.google.com/ openid"}"#;

pub type Meanwhile = fn(&World) -> Pin<Box<dyn Future<Output = ()> + '_>>;

pub struct World {
    pub config: Config,
    pub clock: VirtualClock,
    pub entropy: SeededEntropy,
    pub registry: MemoryCustody,
    pub custody: MemoryCustody,
    pub cache: MemoryCache,
    pub provider: ScriptedProvider,
    pub server: ScriptedServer,
    pub store: MemoryStore,
    pub unreachable: Cell<bool>,
    /// What objects were told.
    pub told: RefCell<Vec<(String, Word)>>,
    /// Objects that do not answer, and the Registry if it is one of them.
    pub silent: RefCell<Vec<String>>,
    /// What the Outbox remembers of tokens.
    pub memory: TokenMemory,
    /// What Outboxes were told to begin anew, and with which grant.
    pub resumed: RefCell<Vec<(String, u32)>>,
    pub drain: Drain,
    pub alerts: MemoryAlerts,
    /// Keepers are stopped once the provider was asked this often and the mail server that often.
    pub stop_after: Cell<Option<(usize, usize)>>,
    /// What else goes on while a mailbox is connected.
    pub during: Cell<Option<Meanwhile>>,
    flight: Mutex<()>,
    unsaved: RefCell<Option<String>>,
    signer: NativeSigner,
}

pub fn vars() -> Value {
    json!({
        "PUBLIC_URL": PUBLIC,
        "ROOT_KEY": KEY,
        "OPERATOR_KEY": KEY,
        "MONITOR_KEY": MONITOR_KEY,
        "SECRET_CLIENT": "canary-client",
        "MAILBOX_SALES": {
            "address": "sales@shop.test", "provider": "google", "client_id": "client",
            "client_secret": "SECRET_CLIENT",
        },
        "MAILBOX_OTHER": { "address": "other@shop.test", "provider": "microsoft",
            "tenant": "shop.test", "client_id": "client" },
    })
}

/// A mail server that lets in whoever comes, over TLS from the start.
pub fn letting_in() -> Vec<Move> {
    vec![
        Say("220 mx\r\n"),
        Hear,
        Say("250-mx\r\n250 AUTH XOAUTH2\r\n"),
        Hear,
        Say("235 ok\r\n"),
        Hear,
        Say("221 bye\r\n"),
        Close,
    ]
}

/// The same with STARTTLS.
pub fn letting_in_by_starttls() -> Vec<Move> {
    let before = [
        Say("220 mx\r\n"),
        Hear,
        Say("250-mx\r\n250 STARTTLS\r\n"),
        Hear,
        Say("220 go\r\n"),
        Tls,
    ];
    let after = letting_in().into_iter().skip(1);
    before.into_iter().chain(after).collect()
}

/// One that does not, because the token is somebody else's.
pub fn refusing() -> Vec<Move> {
    let mut moves = letting_in();
    let answer = moves.len() - 4;
    moves[answer] = Say("535 5.7.3 Authentication unsuccessful\r\n");
    moves
}

impl World {
    pub fn new() -> Self {
        Self::with(&vars(), [(200, GRANTED)], vec![letting_in(); 3])
    }

    pub fn with<const N: usize>(
        vars: &Value,
        answers: [(u16, &str); N],
        parts: Vec<Vec<Move>>,
    ) -> Self {
        let vars = vars.as_object().unwrap().clone().into_iter().collect();
        let clock = VirtualClock::new();
        Self {
            config: Config::parse(&vars),
            entropy: SeededEntropy::new(3),
            registry: MemoryCustody::new(),
            custody: MemoryCustody::new(),
            cache: MemoryCache::default(),
            provider: ScriptedProvider::new(answers),
            server: ScriptedServer::new(parts, &clock),
            store: MemoryStore::new(),
            unreachable: Cell::new(false),
            told: RefCell::default(),
            silent: RefCell::default(),
            memory: TokenMemory::default(),
            resumed: RefCell::default(),
            drain: Drain::default(),
            alerts: MemoryAlerts::new(&clock),
            stop_after: Cell::default(),
            during: Cell::default(),
            flight: Mutex::new(()),
            unsaved: RefCell::default(),
            signer: NativeSigner::default(),
            clock,
        }
    }

    pub fn is_stopped(&self) -> bool {
        self.stop_after.get().is_some_and(|(questions, sessions)| {
            self.token_requests() >= questions && self.server.connections.get() >= sessions
        })
    }

    /// The Keeper's alarm rings.
    pub fn ring(&self) {
        self.custody.alarm.set(None);
        let name = "sales".parse().unwrap();
        let mailbox = &self.config.mailboxes[&name];
        let woken = self.keeper(&name, async |keeper| {
            keeper
                .wake(mailbox, &self.server, self, || self.is_stopped())
                .await
        });
        self.clock.run(woken).unwrap();
    }

    /// `path` may have a query.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        assert!(is_operators(path), "{path}");
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body: body.as_bytes().to_vec(),
            binding: None,
        };
        let operator = self.operator();
        let whole = body.len() <= OPERATOR_BODY_OCTETS;
        self.clock.run(operator.answer(&request, whole))
    }

    /// What stands before everything else.
    pub fn refuse(
        &self,
        wall: &impl RateLimiter,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Option<Response> {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: headers.collect(),
            ..Request::default()
        };
        self.clock.run(self.operator().refuse(&request, wall))
    }

    fn operator(&self) -> Operator<'_, Self, Self, Self, VirtualClock, SeededEntropy> {
        Operator {
            config: &self.config,
            outboxes: self,
            mailboxes: self,
            registry: self,
            clock: &self.clock,
            entropy: &self.entropy,
        }
    }

    /// Signs in as a browser does.
    pub fn sign_in(&self) -> Browser<'_> {
        let answer = self.try_login(KEY);
        assert_eq!(
            (answer.status, header(&answer, "location")),
            (303, Some("/operator"))
        );
        let cookie = header(&answer, "set-cookie").unwrap();
        let mut browser = Browser {
            world: self,
            cookie: cookie.split(';').next().unwrap().to_owned(),
            csrf: String::new(),
        };
        let board = browser.get("/operator");
        assert_eq!(board.status, 200);
        browser.csrf = hidden(&board.body, "csrf");
        browser
    }

    pub fn try_login(&self, key: &str) -> Response {
        let headers = [FORM, ("origin", PUBLIC), BROWSER];
        self.ask("POST", "/login", &headers, &format!("key={key}"))
    }

    pub fn token_requests(&self) -> usize {
        self.provider.requests.borrow().len()
    }

    /// Whether a grant is in custody.
    pub fn has_grant(&self) -> bool {
        let record = self.custody.record.borrow();
        record
            .as_ref()
            .is_some_and(|record| !record.contains("\"refresh\":null"))
    }

    pub fn keeper<T>(
        &self,
        mailbox: &Name,
        ask: impl AsyncFnOnce(
            &Keeper<'_, MemoryCustody, ScriptedProvider, MemoryCache, VirtualClock, SeededEntropy>,
        ) -> T,
    ) -> impl Future<Output = T> {
        let mailbox = &self.config.mailboxes[mailbox];
        let record = mailbox.credential().cache_record();
        let root_key = self.config.root_key.as_ref().unwrap();
        let sealer = Sealer::new(root_key, None, Purpose::Seal);
        let secret = |name: &Option<_>| name.as_ref().and_then(|it| self.config.secret(it));
        async move {
            let keeper = Keeper {
                custody: &self.custody,
                http: &self.provider,
                cache: &self.cache,
                clock: &self.clock,
                entropy: &self.entropy,
                sealer: &sealer,
                flight: &self.flight,
                unsaved: &self.unsaved,
                provider: &mailbox.provider,
                right: mailbox.right,
                client_id: &mailbox.client_id,
                client: self.config.authentication_of(mailbox),
                signer: &self.signer,
                subject: &mailbox.sender.address,
                bootstrap: secret(&mailbox.refresh_token),
                record: &record,
            };
            ask(&keeper).await
        }
    }
}

pub const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Somebody who is signed in.
pub struct Browser<'w> {
    pub world: &'w World,
    pub cookie: String,
    pub csrf: String,
}

impl Browser<'_> {
    pub fn get(&self, path: &str) -> Response {
        let headers = [BROWSER, ("cookie", &self.cookie)];
        self.world.ask("GET", path, &headers, "")
    }

    pub fn post(&self, path: &str) -> Response {
        let headers = [FORM, BROWSER, ("cookie", &self.cookie), ("origin", PUBLIC)];
        let body = format!("csrf={}", self.csrf);
        self.world.ask("POST", path, &headers, &body)
    }

    /// Begins to connect; the address of the consent page.
    pub fn connect(&self) -> String {
        consent_page(&self.post("/mailboxes/sales/connect"))
    }

    /// Comes back from there with this in the query beside the state.
    pub fn back(&self, consent: &str, rest: &str) -> Response {
        let state = query(consent, "state").unwrap();
        self.get(&format!("/oauth/callback/google?state={state}&{rest}"))
    }
}

/// Where the page that ends our part leads.
pub fn consent_page(answer: &Response) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_operators_page(answer);
    // The policy holds nothing of the provider's: neither a form nor a redirect goes there.
    let policy = header(answer, "content-security-policy").unwrap();
    assert!(!policy.contains("http"), "{policy}");
    let (_, rest) = answer
        .body
        .split_once("<a class=\"first\" href=\"")
        .unwrap();
    rest.split('"').next().unwrap().replace("&#38;", "&")
}

pub fn query(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(own, _)| own == name)
        .map(|(_, value)| value.into_owned())
}

pub fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    let mut headers = response.headers.iter();
    let found = headers.find(|(own, _)| *own == name);
    found.map(|(_, value)| value.as_str())
}

/// The value of a hidden field.
pub fn hidden(html: &str, name: &str) -> String {
    let mark = format!("name=\"{name}\" value=\"");
    let (_, rest) = html.split_once(&mark).expect("the field");
    rest.split('"').next().unwrap().to_owned()
}

/// What holds of every page that the operator is shown.
pub fn assert_operators_page(answer: &Response) {
    assert_eq!(
        header(answer, "content-type"),
        Some("text/html; charset=utf-8")
    );
    // From a page with `no-referrer` a browser sends forms with `Origin: null`, which is nobody's.
    let referrer = if answer.body.contains("<form") {
        "same-origin"
    } else {
        "no-referrer"
    };
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", referrer),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(header(answer, name), Some(value), "{name}");
    }
    let policy = header(answer, "content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(policy.contains("form-action 'self'"), "{policy}");
}
