//! reqwest's requests and responses over the race, with servers on loopback: connections and
//! errors.

use std::io;
use std::pin::pin;
use std::time::Duration;

use he::rustls::{HttpsConnector, Tls, Trust};
use he::{Config, Connector, ErrorKind, Outcome, Report};
use he_reqwest::{Error, Transport};
use he_test_support::net::Peer::{Accepts, Refuses, Silent};
use he_test_support::net::{self, Opened, Peers, Reports, Table};
use he_test_support::tls::Authority;
use http::header::{ACCEPT, USER_AGENT};
use http::{Extensions, HeaderMap, HeaderValue, Method, Version};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::site::{Site, page, redirect};

const NAME: &str = "service.test";

fn connector(peers: &Peers) -> Connector {
    let config = Config::new().with_connect_delay(Duration::from_millis(20));
    Connector::new(Table::of(peers.ips())).with_config(config)
}

fn transport(connector: Connector) -> Transport {
    Transport::new(HttpsConnector::new(connector))
}

fn client(connector: Connector) -> ClientWithMiddleware {
    transport(connector).client().unwrap()
}

/// A silent address before a good one, of another family if the host has two.
fn silent_first() -> Peers {
    let silent = if net::ipv6() { "::1" } else { "127.0.0.2" };
    Peers::new(&[(silent, Silent), ("127.0.0.1", Accepts)])
}

/// Answers with the request, as JSON.
fn echo() -> Site {
    Site::new(|asked| page(json!({ "asked": asked.line() }).to_string()))
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs a silent peer")]
async fn requests_and_json_go_over_one_connection_of_http_2_past_a_silent_address() {
    let (peers, authority, site) = (silent_first(), Authority::new(), echo());
    let served = site.clone();
    let seen = authority
        .server(&[NAME])
        .alpn(&["h2", "http/1.1"])
        .welcome(peers.listener(1), move |stream| served.clone().serve(stream));
    let tls = Tls::new(Trust::roots(authority.roots()));
    let https = HttpsConnector::new(connector(&peers)).with_tls(tls);
    let client = Transport::new(https).client().unwrap();
    let url = format!("https://{NAME}:{}/a", peers.port);

    let response = client.get(&url).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2));
    assert_eq!(response.url().as_str(), url);
    assert_eq!(response.remote_addr(), Some(peers.addr(1)));
    let report: &Report = response.extensions().get().unwrap();
    let [silent, won] = &peers.story(report)[..] else { panic!("{report}") };
    assert!(silent.ends_with("cancelled") && won.ends_with("127.0.0.1:P won"), "{report}");
    assert_eq!(response.json::<Value>().await.unwrap(), json!({ "asked": "GET /a" }));

    let response = client.post(&url).json(&json!(["b"])).send().await.unwrap();
    let text = json!({ "asked": "POST /a [\"b\"]" });
    assert_eq!(response.json::<Value>().await.unwrap(), text);
    assert_eq!(site.asked()[1].header("content-type"), Some("application/json"));
    assert_eq!(seen.all().len(), 1);
}

#[tokio::test] // RFC 9113 section 8.3.1
async fn userinfo_in_a_url_is_not_sent_and_shares_a_connection() {
    for alpn in ["h2", "http/1.1"] {
        let (peers, authority) = (Peers::new(&[("127.0.0.1", Accepts)]), Authority::new());
        let place = format!("{NAME}:{}", peers.port);
        let to = format!("https://you:too@{place}/end");
        let site = Site::new(move |asked| match &*asked.path {
            "/away" => redirect(302, &to),
            _ => page("here"),
        });
        let served = site.clone();
        let seen = authority
            .server(&[NAME])
            .alpn(&[alpn])
            .welcome(peers.listener(0), move |stream| served.clone().serve(stream));
        let tls = Tls::new(Trust::roots(authority.roots()));
        let client =
            Transport::new(HttpsConnector::new(connector(&peers)).with_tls(tls)).client().unwrap();
        for url in [format!("https://me:secret@{place}/"), format!("https://{place}/away")] {
            let request = Request::new(Method::GET, url.parse().unwrap());
            let response = client.execute(request).await.unwrap();
            assert_eq!(response.text().await.unwrap(), "here");
        }
        assert_eq!(site.lines(), ["GET /", "GET /away", "GET /end"]);
        for asked in site.asked() {
            assert_eq!((&asked.authority, asked.header("authorization")), (&place, None), "{alpn}");
        }
        assert_eq!(seen.all().len(), 1, "{alpn}");
    }
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs a silent peer")]
async fn a_second_request_reuses_the_connection_of_http_1() {
    let (peers, site) = (silent_first(), echo());
    let guests = site.open(peers.listener(1));
    let (connector, reports) = Reports::of(connector(&peers));
    let client = client(connector);
    for path in ["/first", "/second"] {
        // reqwest's builder makes a header of the userinfo.
        let url = format!("http://me:secret@{NAME}:{}{path}", peers.port);
        let response = client.get(url).send().await.unwrap();
        assert_eq!(response.version(), Version::HTTP_11);
        let length = response.content_length();
        assert_eq!(length, Some(response.bytes().await.unwrap().len() as u64));
    }
    assert_eq!((guests.came().len(), reports.count()), (1, 1));
    assert_eq!(site.lines(), ["GET /first", "GET /second"]);
    assert!(site.asked()[1].header("authorization").unwrap().starts_with("Basic "));
}

#[tokio::test]
async fn default_headers_yield_to_those_of_the_request() {
    let (peers, site) = (Peers::new(&[("127.0.0.1", Accepts)]), echo());
    site.open(peers.listener(0));
    let url = format!("http://{NAME}:{}/", peers.port);
    let mut headers = HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_static("he"))]);
    headers.append("x-both", HeaderValue::from_static("1"));
    headers.append("x-both", HeaderValue::from_static("2"));
    let client = transport(connector(&peers)).default_headers(headers).client().unwrap();
    client.get(&url).send().await.unwrap();
    client.get(&url).header(ACCEPT, "text/plain").header("x-both", "3").send().await.unwrap();
    let sent = |at: usize| {
        let asked = &site.asked()[at];
        let both: Vec<_> = asked.headers.get_all("x-both").iter().cloned().collect();
        (asked.header("accept").unwrap().to_owned(), asked.headers[USER_AGENT].clone(), both)
    };
    assert_eq!(
        sent(0),
        ("*/*".into(), "he".parse().unwrap(), vec!["1".parse().unwrap(), "2".parse().unwrap()])
    );
    assert_eq!(sent(1), ("text/plain".into(), "he".parse().unwrap(), vec!["3".parse().unwrap()]));
}

/// Adds a header and calls the next middleware.
struct Stamp(&'static str);

#[async_trait::async_trait]
impl Middleware for Stamp {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        request.headers_mut().insert(self.0, HeaderValue::from_static("yes"));
        next.run(request, extensions).await
    }
}

// A middleware after `Transport` has none either.
#[tokio::test]
async fn the_configuration_of_the_wrapped_client_has_no_effect() {
    let (peers, site) = (Peers::new(&[("127.0.0.1", Accepts)]), echo());
    site.open(peers.listener(0));
    let wrapped = reqwest::Client::builder()
        .proxy(reqwest::Proxy::all("http://127.0.0.1:1").unwrap())
        .default_headers(HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_static("other"))]))
        .build()
        .unwrap();
    let client = ClientBuilder::new(wrapped)
        .with(Stamp("x-before"))
        .with(transport(connector(&peers)))
        .with(Stamp("x-behind"))
        .build();
    let url = format!("http://{NAME}:{}/", peers.port);
    assert_eq!(client.get(url).send().await.unwrap().status(), 200);
    let asked = &site.asked()[0];
    let sent = ["x-before", "x-behind", "user-agent"].map(|name| asked.header(name));
    assert_eq!(sent, [Some("yes"), None, None]);
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn the_error_of_he_is_among_the_causes() {
    let peers = Peers::new(&[("127.0.0.1", Refuses), ("127.0.0.2", Refuses)]);
    let url = format!("http://{NAME}:{}/", peers.port);
    let error = client(connector(&peers)).get(url).send().await.unwrap_err();
    assert!(error.is_middleware());
    let found = he::Error::find_in(&error).unwrap();
    let story = "cannot connect to service.test: every attempt failed; AAAA: no records; \
                 A: 2 addresses; 127.0.0.1:P: connection refused after T; \
                 127.0.0.2:P: connection refused after T";
    assert_eq!((found.kind(), peers.text(found)), (ErrorKind::Connect, story.to_owned()));
    let ours = Error::find_in(&error).unwrap();
    assert_eq!((ours.is_connect(), ours.is_timeout(), ours.is_redirect()), (true, false, false));
    let mut chain = vec![ours.to_string()];
    let mut next = std::error::Error::source(ours);
    while let Some(cause) = next {
        chain.push(cause.to_string());
        next = cause.source();
    }
    let line = found.to_string();
    let first = format!("request to service.test failed: {line}");
    let last = "Connection refused (os error 111)";
    assert_eq!(chain, [&first, "no response", "client error (Connect)", &line, last]);
}

#[tokio::test]
async fn a_request_that_cannot_be_sent_says_why() {
    let client = client(Connector::without_resolver());
    for (url, host, why) in [
        (
            "ftp://127.0.0.1/",
            "127.0.0.1",
            "cannot connect to 127.0.0.1: the URI has no port, and none is known for ftp",
        ),
        ("http://127.0.0.1:0/", "127.0.0.1", "port 0 cannot be connected to"),
    ] {
        let error = client.get(url).send().await.unwrap_err();
        let (ours, found) = (Error::find_in(&error).unwrap(), he::Error::find_in(&error).unwrap());
        assert_eq!(ours.to_string(), format!("request to {host} failed: {found}"));
        assert_eq!(found.kind(), ErrorKind::InvalidInput);
        assert!(found.to_string().ends_with(why), "{found}");
    }
    // This is no URI, so the connector is not called.
    let error = client.get("http://{host}/").send().await.unwrap_err();
    assert!(he::Error::find_in(&error).is_none());
    let ours = Error::find_in(&error).unwrap().to_string();
    assert_eq!(ours, "request to {host} failed: builder error: invalid uri character");
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs a silent peer")]
async fn dropping_a_request_closes_its_sockets() {
    let peers = Peers::new(&[("127.0.0.1", Silent), ("127.0.0.2", Silent)]);
    let (connector, mut opened) = Opened::of(connector(&peers));
    let (connector, reports) = Reports::of(connector);
    let client = client(connector);
    let url = format!("http://{NAME}:{}/", peers.port);
    {
        let mut request = pin!(client.get(&url).send());
        opened.wait_for(2, request.as_mut()).await;
    }
    assert_eq!(reports.only().outcome(), Outcome::Dropped);
    tokio::task::yield_now().await;
    opened.assert_closed();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(target_os = "linux"), ignore = "needs a silent peer")]
async fn concurrent_requests_get_their_own_answers() {
    let (peers, site) = (silent_first(), echo());
    site.open(peers.listener(1));
    let client = client(connector(&peers));
    let mut running = JoinSet::new();
    for number in 0..64 {
        let request = client.post(format!("http://{NAME}:{}/{number}", peers.port));
        running.spawn(async move {
            let response = request.body(number.to_string()).send().await.unwrap();
            assert_eq!(response.url().path(), format!("/{number}"));
            let asked = json!({ "asked": format!("POST /{number} {number}") });
            assert_eq!(response.json::<Value>().await.unwrap(), asked);
        });
    }
    running.join_all().await;
    assert_eq!(site.asked().len(), 64);
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs a silent peer")]
async fn a_connection_time_out_counts_as_both() {
    let peers = Peers::new(&[("127.0.0.1", Silent)]);
    let config = Config::new().with_total_timeout(Duration::from_millis(30));
    let client = client(connector(&peers).with_config(config));
    let error = client.get(format!("http://{NAME}:{}/", peers.port)).send().await.unwrap_err();
    let ours = Error::find_in(&error).unwrap();
    assert!(ours.is_timeout() && ours.is_connect());
    let found = he::Error::find_in(&error).unwrap();
    assert_eq!(found.kind(), ErrorKind::TimedOut);
    assert_eq!(io::Error::from(found.clone()).kind(), io::ErrorKind::TimedOut);
}
