//! What the two web servers have in common: connections, loopback names only, parameters.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::MARKER;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// Serves `app` until the runtime ends, under TLS if there is a configuration.
pub(crate) async fn serve(listener: TcpListener, tls: Option<Arc<ServerConfig>>, app: Router) {
    let tls = tls.map(TlsAcceptor::from);
    let app = app.layer(middleware::from_fn(guard));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, or the peer was gone already.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (tls, app) = (tls.clone(), app.clone());
        tokio::spawn(async move {
            match tls {
                None => talk(stream, app).await,
                Some(tls) => {
                    if let Ok(Ok(stream)) =
                        tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await
                    {
                        talk(stream, app).await;
                    }
                }
            }
        });
    }
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, app: Router) {
    // What goes wrong here is the client's doing, and it knows.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app))
        .await;
}

/// The same configuration with the one protocol that is spoken.
pub(crate) fn with_http(config: &Arc<ServerConfig>) -> Arc<ServerConfig> {
    let mut config = ServerConfig::clone(config);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

/// Lets in requests to a loopback name only, so that no page elsewhere can reach the sandbox by a
/// name of its own (DNS rebinding), and changes only from the sandbox's own pages or from programs,
/// which send no `Origin`. Adds the headers every answer has.
async fn guard(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host_is_loopback =
        text(headers, &header::HOST).is_some_and(|host| is_loopback_authority(&host));
    // The token endpoint authenticates its client and answers in its own words.
    let reads = request.uri().path() == "/token"
        || matches!(
            *request.method(),
            Method::GET | Method::HEAD | Method::OPTIONS
        );
    let own_origin = match (text(headers, &header::ORIGIN), text(headers, &header::HOST)) {
        (None, _) => true,
        (Some(origin), Some(host)) => {
            origin
                .strip_prefix("http://")
                .or_else(|| origin.strip_prefix("https://"))
                == Some(host.as_str())
        }
        (Some(_), None) => false,
    };
    let mut response = if !host_is_loopback {
        (
            StatusCode::MISDIRECTED_REQUEST,
            "the sandbox answers to localhost only\n",
        )
            .into_response()
    } else if !reads && !own_origin {
        (
            StatusCode::FORBIDDEN,
            "the sandbox takes no requests from other pages\n",
        )
            .into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(
        HeaderName::from_static("x-edgepost-sandbox"),
        HeaderValue::from_static(MARKER),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    // Not `no-referrer`: under it browsers send `Origin: null` even with our own forms.
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    let strictest = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(strictest);
    response
}

pub(crate) fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(ToOwned::to_owned)
}

fn is_loopback_authority(authority: &str) -> bool {
    url::Url::parse(&format!("http://{authority}/")).is_ok_and(|url| is_loopback(&url))
}

/// Whether a URL stays on this machine.
pub(crate) fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Parameters of a query or a form.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    values: BTreeMap<String, String>,
    repeated: Option<String>,
}

impl Parameters {
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        let mut parameters = Self::default();
        for (name, value) in form_urlencoded::parse(encoded) {
            if parameters
                .values
                .insert(name.clone().into_owned(), value.into_owned())
                .is_some()
            {
                parameters.repeated = Some(name.into_owned());
            }
        }
        parameters
    }

    /// The value, unless it is missing or empty: RFC 6749 §3.1, "parameters sent without a value
    /// MUST be treated as if they were omitted".
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A parameter that came twice, which RFC 6749 §3.1 and §3.2 forbid.
    pub(crate) fn repeated(&self) -> Option<&str> {
        self.repeated.as_deref()
    }
}

/// A listener the runtime can use, with its number.
pub(crate) fn listen(port: u16) -> io::Result<(TcpListener, u16)> {
    let listener = TcpListener::from_std(crate::net::listen(port)?)?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}
