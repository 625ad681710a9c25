//! reqwest's requests and responses over the race: redirects and cookies.

use std::error::Error as _;
use std::sync::Arc;

use he::Connector;
use he::rustls::{HttpsConnector, Tls, Trust};
use he_reqwest::{Error, Redirects, Transport};
use he_test_support::net::Peer::Accepts;
use he_test_support::net::{Peers, Table};
use he_test_support::tls::Authority;
use reqwest::Body;
use reqwest::cookie::{CookieStore, Jar};
use reqwest_middleware::ClientWithMiddleware;
use tower_http::follow_redirect::RequestUri;

use crate::site::{Asked, Page, Site, page, redirect, with};

/// Two sites, each with a name and a port of its own, at one address.
struct Sites {
    here: (Peers, Site),
    there: (Peers, Site),
}

impl Sites {
    /// Two sites whose answers may depend on the URL of the other.
    fn new(
        here: impl Fn(&Asked, &str) -> Page + Send + Sync + 'static,
        there: impl Fn(&Asked, &str) -> Page + Send + Sync + 'static,
    ) -> Self {
        let peers = || Peers::new(&[("127.0.0.1", Accepts)]);
        let (a, b) = (peers(), peers());
        let (to_a, to_b) = (url(&a, "here"), url(&b, "there"));
        let here = Site::new(move |asked| here(asked, &to_b));
        let there = Site::new(move |asked| there(asked, &to_a));
        here.open(a.listener(0));
        there.open(b.listener(0));
        Self { here: (a, here), there: (b, there) }
    }

    /// One site; the other is not asked.
    fn one(answer: impl Fn(&Asked) -> Page + Send + Sync + 'static) -> Self {
        Self::new(move |asked, _| answer(asked), |_, _| page("not asked"))
    }

    fn url(&self, path: &str) -> String {
        url(&self.here.0, "here") + path
    }

    fn asked_here(&self) -> Vec<String> {
        self.here.1.lines()
    }
}

fn url(peers: &Peers, name: &str) -> String {
    format!("http://{name}.test:{}", peers.port)
}

fn transport() -> Transport {
    let connector = Connector::new(Table::of(vec!["127.0.0.1".parse().unwrap()]));
    Transport::new(HttpsConnector::new(connector))
}

fn client() -> ClientWithMiddleware {
    transport().client().unwrap()
}

#[tokio::test]
async fn a_relative_redirect_leads_to_the_final_url() {
    let sites = Sites::one(|asked| match &*asked.path {
        "/a/b" => redirect(301, "../c?d=e"),
        "/c" => redirect(302, "f"),
        _ => page("here"),
    });
    let response = client().get(sites.url("/a/b")).send().await.unwrap();
    assert_eq!(response.url().as_str(), sites.url("/f"));
    assert_eq!(response.remote_addr(), Some(sites.here.0.addr(0)));
    assert_eq!(response.text().await.unwrap(), "here");
    assert_eq!(sites.asked_here(), ["GET /a/b", "GET /c", "GET /f"]);
}

#[tokio::test]
async fn a_post_becomes_a_get_or_is_sent_again() {
    let again = "POST /end body";
    for (status, end) in
        [(301, "GET /end"), (302, "GET /end"), (303, "GET /end"), (307, again), (308, again)]
    {
        let sites = Sites::one(move |asked| match &*asked.path {
            "/end" => page(""),
            _ => redirect(status, "/end"),
        });
        client().post(sites.url("/")).body("body").send().await.unwrap();
        assert_eq!(sites.asked_here(), ["POST / body", end], "{status}");
        let typed = sites.here.1.asked()[1].header("content-length").map(str::to_owned);
        assert_eq!(typed, (end == again).then(|| "4".to_owned()), "{status}");
    }
}

// As in reqwest, because it can be read only once.
#[tokio::test]
async fn a_stream_is_not_sent_again() {
    let sites = Sites::one(|_| redirect(307, "/end"));
    let body = Body::wrap(http_body_util::Full::new(hyper::body::Bytes::from("stream")));
    let response = client().post(sites.url("/")).body(body).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.url().as_str()), (307, &*sites.url("/")));
    assert_eq!(sites.asked_here(), ["POST / stream"]);
}

#[tokio::test]
async fn a_loop_ends_at_the_limit() {
    for (limit, transport) in [
        (10, transport()),
        (2, transport().redirect(Redirects::limited(2))),
        (0, transport().redirect(Redirects::limited(0))),
    ] {
        let sites = Sites::one(|_| redirect(302, "/"));
        let client = transport.client().unwrap();
        let error = client.get(sites.url("/")).send().await.unwrap_err();
        let error = Error::find_in(&error).unwrap();
        assert!(error.is_redirect() && !error.is_timeout() && !error.is_connect());
        let why = format!("more than {limit} redirects");
        assert_eq!(error.to_string(), format!("request to here.test failed: {why}"));
        assert_eq!(error.source().unwrap().source().unwrap().to_string(), why);
        assert_eq!(sites.asked_here().len(), limit + 1);
    }
}

#[tokio::test]
async fn without_redirects_the_caller_gets_the_response_that_redirects() {
    let sites = Sites::one(|_| redirect(302, "/"));
    let client = transport().redirect(Redirects::none()).client().unwrap();
    let response = client.get(sites.url("/")).send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["location"]),
        (302, &"/".parse().unwrap())
    );
    assert_eq!(response.text().await.unwrap(), "elsewhere");
}

#[tokio::test]
async fn a_redirect_to_another_scheme_is_an_error() {
    let sites = Sites::one(|asked| redirect(302, asked.header("x-to").unwrap()));
    let to = |location| client().get(sites.url("/")).header("x-to", location).send();
    for (location, scheme) in [
        ("ftp://files.test/", "ftp"),
        ("a.test:8080", "a.test"),
        ("tel:112", "tel"),
        ("mailto:x@y", "mailto"),
        ("gopher://files.test/", "gopher"),
        ("file:///etc/passwd", "file"),
        ("FILE:///etc/passwd", "file"),
        ("file:/etc/passwd", "file"),
        ("data:,x", "data"),
        ("unix:/run/x.sock", "unix"),
    ] {
        let error = to(location).await.unwrap_err();
        let error = Error::find_in(&error).unwrap();
        assert!(error.is_redirect());
        let why = format!("a redirect whose scheme is {scheme}, neither http nor https");
        assert_eq!(error.to_string(), format!("request to here.test failed: {why}"));
        assert_eq!(error.source().unwrap().source().unwrap().to_string(), why);
    }
    // As in reqwest, a location without a host is not followed.
    assert_eq!(to("http://[").await.unwrap().status(), 302);
    // Whoever wants no redirects gets the response.
    let client = transport().redirect(Redirects::none()).client().unwrap();
    for location in ["gopher://files.test/", "file:///etc/passwd"] {
        let response = client.get(sites.url("/")).header("x-to", location).send().await.unwrap();
        assert_eq!(response.status(), 302, "{location}");
    }
    // A page that does not redirect may name any location.
    let sites = Sites::one(|_| with(page("made"), "location", "file:///etc/passwd"));
    assert_eq!(client.get(sites.url("/")).send().await.unwrap().text().await.unwrap(), "made");
}

// The scheme counts before the number of redirects and before the body.
#[tokio::test]
async fn the_error_of_a_scheme_does_not_depend_on_the_rest() {
    for location in ["gopher://files.test/", "file:///etc/passwd"] {
        let sites = Sites::one(move |_| redirect(307, location));
        let none_left = transport().redirect(Redirects::limited(0)).client().unwrap();
        let stream = Body::wrap(http_body_util::Full::new(hyper::body::Bytes::from("stream")));
        let (get, post) = (none_left.get(sites.url("/")), client().post(sites.url("/")));
        for request in [get, post.body(stream)] {
            let error = request.send().await.unwrap_err();
            let error = Error::find_in(&error).unwrap().to_string();
            assert!(error.contains("a redirect whose scheme is"), "{location}: {error}");
        }
    }
}

// Callers log the URL of a response.
#[tokio::test]
async fn the_url_of_a_response_has_no_credentials() {
    let sites = Sites::new(
        |_, there| redirect(302, &there.replace("http://", "http://root:pw@")),
        |_, _| page("there"),
    );
    let response = client().get(sites.url("/")).send().await.unwrap();
    assert_eq!(response.url().as_str(), url(&sites.there.0, "there") + "/");
    assert!(!format!("{response:?} {:?}", response.extensions()).contains("root"));
    let uri = response.extensions().get::<RequestUri>().unwrap();
    assert_eq!(uri.0.to_string(), url(&sites.there.0, "there") + "/");

    let sites = Sites::one(|_| page("here"));
    let typed = sites.url("/").replace("http://", "http://root:pw@").parse().unwrap();
    let request = reqwest::Request::new(reqwest::Method::GET, typed);
    let response = client().execute(request).await.unwrap();
    assert_eq!(response.url().as_str(), sites.url("/"));
}

const PRIVATE: [&str; 7] = [
    "authorization",
    "cookie",
    "cookie2",
    "host",
    "proxy-authorization",
    "referer",
    "www-authenticate",
];

/// The private headers of a request.
fn private(asked: &Asked) -> Vec<&'static str> {
    PRIVATE.into_iter().filter(|name| asked.header(name) == Some("private")).collect()
}

// This includes the next page of that origin, and a redirect back.
#[tokio::test]
async fn private_headers_do_not_go_to_another_origin() {
    let sites = Sites::new(
        |asked, there| match &*asked.path {
            "/" => redirect(302, "/b"),
            "/b" => redirect(302, &format!("{there}/c")),
            _ => page("end"),
        },
        |asked, here| match &*asked.path {
            "/c" => redirect(302, "/d"),
            _ => redirect(302, &format!("{here}/e")),
        },
    );
    let mut request = client().get(sites.url("/")).header("x-kept", "yes");
    for name in PRIVATE {
        request = request.header(name, "private");
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.url().as_str(), sites.url("/e"));
    let sent = |site: &Site| -> Vec<_> {
        site.asked().iter().map(|asked| (asked.path.clone(), private(asked))).collect()
    };
    let path = |path: &str| path.to_owned();
    assert_eq!(
        sent(&sites.here.1),
        [(path("/"), PRIVATE.to_vec()), (path("/b"), PRIVATE.to_vec()), (path("/e"), vec![])]
    );
    assert_eq!(sent(&sites.there.1), [(path("/c"), vec![]), (path("/d"), vec![])]);
    let place = format!("there.test:{}", sites.there.0.port);
    assert!(sites.there.1.asked().iter().all(|asked| asked.header("host") == Some(&place)));
    assert!(sites.there.1.asked().iter().all(|asked| asked.header("x-kept") == Some("yes")));
}

#[tokio::test]
async fn https_may_redirect_to_http_unless_it_must_not() {
    let (peers, authority) = (Peers::new(&[("127.0.0.1", Accepts)]), Authority::new());
    let plain = Sites::one(|_| page("in plaintext"));
    let to = plain.url("/");
    let site = Site::new(move |_| redirect(302, &to));
    authority
        .server(&["here.test"])
        .welcome(peers.listener(0), move |stream| site.clone().serve(stream));
    let tls = Tls::new(Trust::roots(authority.roots()));
    let https = HttpsConnector::new(Connector::new(Table::of(peers.ips()))).with_tls(tls);
    let url = format!("https://here.test:{}/", peers.port);
    let client = Transport::new(https.clone()).client().unwrap();
    assert_eq!(client.get(&url).send().await.unwrap().text().await.unwrap(), "in plaintext");
    let client = Transport::new(https.https_only(true)).client().unwrap();
    let error = client.get(&url).send().await.unwrap_err();
    let found = he::Error::find_in(&error).unwrap().to_string();
    assert!(found.ends_with("http is not secure, and only https was allowed"), "{found}");
    assert_eq!(plain.asked_here().len(), 1);
}

#[tokio::test]
async fn cookies_of_one_hop_go_to_the_next_of_the_same_origin() {
    let sites = Sites::new(
        |asked, there| match &*asked.path {
            "/login" => with(
                with(redirect(303, "/in"), "set-cookie", "a=1; Path=/"),
                "set-cookie",
                "b=2; Path=/in",
            ),
            "/in" => with(redirect(302, "/out"), "set-cookie", "a=3; Path=/"),
            "/out" => redirect(302, there),
            _ => page("here"),
        },
        |_, _| with(page("there"), "set-cookie", "c=4"),
    );
    let jar = Arc::new(Jar::default());
    let client = transport().cookie_provider(jar.clone()).client().unwrap();
    let response = client.post(sites.url("/login")).send().await.unwrap();
    assert_eq!(response.cookies().map(|it| it.name().to_owned()).collect::<Vec<_>>(), ["c"]);
    assert_eq!(response.text().await.unwrap(), "there");
    let cookies = |site: &Site| -> Vec<_> {
        let sorted = |asked: &Asked| {
            let mut all: Vec<String> =
                asked.header("cookie")?.split("; ").map(str::to_owned).collect();
            all.sort();
            Some(all.join(" "))
        };
        site.asked().iter().map(sorted).collect()
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(cookies(&sites.here.1), [None, some("a=1 b=2"), some("a=3")]);
    assert_eq!(cookies(&sites.there.1), [None]);
    // A later request gets them, unless it has its own.
    client.get(sites.url("/end")).send().await.unwrap();
    client.get(sites.url("/end")).header("cookie", "mine=1").send().await.unwrap();
    assert_eq!(cookies(&sites.here.1)[3..], [some("a=3"), some("mine=1")]);
    let url = sites.url("/in").parse().unwrap();
    assert!(jar.cookies(&url).unwrap().to_str().unwrap().contains("b=2"));
}
