//! reqwest's requests and responses over the race: servers of HTTP/2 that refuse requests.

use std::error::Error as _;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use h2::Reason;
use he::Connector;
use he::rustls::{HttpsConnector, Tls, Trust};
use he_reqwest::{Error, Transport};
use he_test_support::net::Peer::Accepts;
use he_test_support::net::{Peers, Table};
use he_test_support::tls::{Authority, Seen};
use reqwest::Body;
use reqwest_middleware::{ClientWithMiddleware, RequestBuilder};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

const NAME: &str = "service.test";

/// The answer of a server to a request.
#[derive(Debug, Clone, Copy)]
enum Says {
    Yes,
    Reset(Reason),
    /// GOAWAY, which says that no request was processed.
    Away(Reason),
    Nothing,
}

const REFUSED: Says = Says::Reset(Reason::REFUSED_STREAM);
const AWAY: Says = Says::Away(Reason::NO_ERROR);

/// A server of HTTP/2, frame by frame (RFC 9113 section 6), because hyper's sends GOAWAY
/// gracefully. It gives one answer per request, over all of its connections, and none after the
/// last.
#[derive(Clone)]
struct Server {
    says: Arc<Mutex<Vec<Says>>>,
    /// The bodies of the requests.
    bodies: Arc<watch::Sender<Vec<String>>>,
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, id: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &id.to_be_bytes(), payload].concat()
}

impl Server {
    async fn serve(self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        stream.read_exact(&mut [0; 24]).await?; // The preface.
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
        let mut body = Vec::new();
        // Read until the client is done. Closing a socket with unread data would discard the
        // answers.
        loop {
            stream.flush().await?;
            let mut head = [0; 9];
            stream.read_exact(&mut head).await?;
            let [_, a, b, kind, flags, id @ ..] = head;
            let mut payload = vec![0; u16::from_be_bytes([a, b]).into()];
            stream.read_exact(&mut payload).await?;
            match kind {
                SETTINGS if flags & ACK == 0 => {
                    stream.write_all(&frame(SETTINGS, ACK, 0, &[])).await?;
                }
                DATA => body.extend(payload),
                _ => {}
            }
            if [HEADERS, DATA].contains(&kind) && flags & END_STREAM != 0 {
                let body = String::from_utf8(std::mem::take(&mut body)).unwrap();
                let said = self.answer(u32::from_be_bytes(id));
                stream.write_all(&said).await?;
                self.bodies.send_modify(|bodies| bodies.push(body));
            }
        }
    }

    fn answer(&self, id: u32) -> Vec<u8> {
        let mut says = self.says.lock().unwrap();
        let says = if says.is_empty() { Says::Nothing } else { says.remove(0) };
        match says {
            // `:status: 200` of the static table (RFC 7541 appendix A).
            Says::Yes => frame(HEADERS, END_STREAM | END_HEADERS, id, &[0x88]),
            Says::Reset(why) => frame(RST_STREAM, 0, id, &u32::from(why).to_be_bytes()),
            Says::Away(why) => {
                frame(GOAWAY, 0, 0, &[[0; 4], u32::from(why).to_be_bytes()].concat())
            }
            Says::Nothing => Vec::new(),
        }
    }
}

struct World {
    peers: Peers,
    server: Server,
    seen: Seen,
    client: ClientWithMiddleware,
}

impl World {
    fn new(says: &[Says]) -> Self {
        let (peers, authority) = (Peers::new(&[("127.0.0.1", Accepts)]), Authority::new());
        let says = Arc::new(Mutex::new(says.to_vec()));
        let server = Server { says, bodies: Arc::new(watch::Sender::default()) };
        let serving = server.clone();
        let seen =
            authority.server(&[NAME]).alpn(&["h2"]).welcome(peers.listener(0), move |stream| {
                let serving = serving.clone().serve(stream);
                async move {
                    // Clients may close the connection at any time.
                    let _ = serving.await;
                }
            });
        let https = HttpsConnector::new(Connector::new(Table::of(peers.ips())))
            .with_tls(Tls::new(Trust::roots(authority.roots())));
        Self { client: Transport::new(https).client().unwrap(), peers, server, seen }
    }

    fn post(&self) -> RequestBuilder {
        self.client.post(format!("https://{NAME}:{}/", self.peers.port))
    }

    fn bodies(&self) -> Vec<String> {
        self.server.bodies.borrow().clone()
    }
}

#[tokio::test] // RFC 9113 section 8.7
async fn a_request_that_is_refused_unseen_is_sent_again() {
    for (says, connections) in [
        (&[REFUSED, Says::Yes][..], 1),
        (&[REFUSED, REFUSED, Says::Yes], 1),
        (&[AWAY, Says::Yes], 2),
        (&[AWAY, REFUSED, Says::Yes], 2),
    ] {
        let world = World::new(says);
        let response = world.post().body("body").send().await.unwrap();
        assert_eq!(response.status(), 200, "{says:?}");
        assert_eq!(world.bodies(), vec!["body"; says.len()], "{says:?}");
        assert_eq!(world.seen.all().len(), connections, "{says:?}");
    }
}

// A third refusal; a request that the server may have processed; a body that can be read only once.
#[tokio::test]
async fn other_failures_are_errors() {
    let stream = || Body::wrap(http_body_util::Full::new(hyper::body::Bytes::from("body")));
    for (says, body, times) in [
        (REFUSED, Body::from("body"), 3),
        (AWAY, Body::from("body"), 3),
        (Says::Reset(Reason::INTERNAL_ERROR), Body::from("body"), 1),
        (Says::Away(Reason::ENHANCE_YOUR_CALM), Body::from("body"), 1),
        (REFUSED, stream(), 1),
        (AWAY, stream(), 1),
    ] {
        let world = World::new(&[says, says, says, Says::Yes]);
        let error = world.post().body(body).send().await.unwrap_err();
        let error = Error::find_in(&error).unwrap();
        assert!(!error.is_connect() && !error.is_timeout() && !error.is_redirect(), "{says:?}");
        let mut causes = std::iter::successors(error.source(), |error| (*error).source());
        let (Says::Reset(why) | Says::Away(why)) = says else { panic!("{says:?}") };
        let last = causes.find_map(|cause| cause.downcast_ref::<h2::Error>()).unwrap();
        assert_eq!(last.reason(), Some(why));
        assert_eq!(world.bodies(), vec!["body"; times], "{says:?}");
    }
}

#[tokio::test]
async fn one_time_out_covers_all_tries() {
    let world = World::new(&[REFUSED, Says::Nothing]);
    let time = Duration::from_secs(600);
    let mut running = pin!(world.post().timeout(time).send());
    let mut bodies = world.server.bodies.subscribe();
    tokio::select! {
        bodies = bodies.wait_for(|bodies| bodies.len() == 2) => drop(bodies.unwrap()),
        answer = &mut running => panic!("{answer:?}"),
    }
    tokio::time::pause();
    tokio::time::advance(time).await;
    let error = running.await.unwrap_err();
    assert!(Error::find_in(&error).unwrap().is_timeout());
}
