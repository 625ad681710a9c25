//! The recipe for tokio-tungstenite, against servers of its own.

#[path = "../../examples/tungstenite.rs"]
mod recipe;

use std::io;

use futures_util::{SinkExt, StreamExt};
use he::rustls::Tls;
use he::{Connector, ErrorKind};
use he_test_support::net::Peer::{Accepts, Refuses};
use he_test_support::net::{NAME, Peers, Table};
use he_test_support::tls::Authority;
use he_test_support::web;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::mpsc;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::error::{Error, UrlError};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::{Message, http::StatusCode};

use crate::dual::Dual;
use crate::kernel;
use crate::trusting;

#[tokio::test]
async fn messages_go_where_the_race_was_won_with_or_without_tls() {
    for scheme in ["ws", "wss"] {
        let (dual, authority) = (Dual::stack(Accepts), Authority::new());
        serve(&dual, &authority, scheme);
        let tls = trusting(&authority);
        let uri = format!("{scheme}://{NAME}:{}/echo", dual.port());
        let (mut socket, response) = recipe::connect(&dual.connector, &tls, uri).await.unwrap();
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        dual.assert_raced(&socket.get_ref().report);
        assert_eq!(socket.get_ref().addr, dual.server());
        for text in ["one", "two"] {
            socket.send(Message::text(text)).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
        }
        assert_eq!(kernel::guests(dual.server()), 1);
    }
}

#[tokio::test]
async fn the_answer_of_the_service_is_the_callers_and_no_other_address_is_asked() {
    let peers = Peers::new(&[("127.0.0.1", Accepts), ("127.0.0.2", Accepts)]);
    web::Guests::welcome(peers.listener(0), host);
    let guests = web::Guests::welcome(peers.listener(1), host);
    let connector = Connector::new(Table::of(peers.ips()));
    let uri = format!("ws://{NAME}:{}/private", peers.port);
    let refused = recipe::connect(&connector, &Tls::default(), uri).await;
    let Err(Error::Http(response)) = refused else { panic!("{refused:?}") };
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(guests.came().is_empty());
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_given_up() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let (come, mut came) = mpsc::unbounded_channel();
    web::Guests::welcome(peers.listener(0), move |mut guest| {
        let come = come.clone();
        async move {
            guest.read_u8().await.unwrap();
            come.send(guest).unwrap();
        }
    });
    let connector = Connector::new(Table::of(peers.ips()));
    let (tls, uri) = (Tls::default(), format!("ws://{NAME}:{}/echo", peers.port));
    let asked = async {
        let guest = came.recv().await.unwrap();
        tokio::time::pause(); // from here on there is nothing but the time-out to wait for
        guest
    };
    let (refused, _guest) = tokio::join!(recipe::connect(&connector, &tls, uri), asked);
    let Err(Error::Io(error)) = refused else { panic!("{refused:?}") };
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(he::Error::find_in(&error).is_none(), "the race was won");
}

#[tokio::test]
async fn the_error_of_the_connect_is_found_below_tungstenites() {
    let peers = Peers::new(&[("127.0.0.1", Refuses)]);
    let connector = Connector::new(Table::of(peers.ips()));
    let connect = |uri: String| {
        let connector = connector.clone();
        async move { recipe::connect(&connector, &Tls::default(), uri).await.unwrap_err() }
    };
    let error = connect(format!("ws://{NAME}:{}/", peers.port)).await;
    let found = he::Error::find_in(&error).unwrap();
    assert_eq!(found.kind(), ErrorKind::Connect);
    assert_eq!(peers.story(found.report()), ["127.0.0.1:P connection refused"]);
    let Error::Io(error) = error else { panic!("{error:?}") };
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);

    let error = connect(format!("http://{NAME}/")).await;
    assert!(matches!(error, Error::Url(UrlError::UnsupportedUrlScheme)), "{error:?}");
}

#[tokio::test]
async fn a_connect_that_is_dropped_leaves_nothing() {
    for scheme in ["ws", "wss"] {
        let (dual, authority) = (Dual::stack(Accepts), Authority::new());
        serve(&dual, &authority, scheme);
        let tls = trusting(&authority);
        let uri = format!("{scheme}://{NAME}:{}/echo", dual.port());
        kernel::assert_leaves_nothing(&dual, async |connector| {
            recipe::connect(connector, &tls, uri.clone()).await
        })
        .await;
    }
}

fn serve(dual: &Dual, authority: &Authority, scheme: &str) {
    let listener = dual.peers.listener(1);
    if scheme == "wss" {
        authority.server(&[NAME]).welcome(listener, host);
    } else {
        web::Guests::welcome(listener, host);
    }
}

/// Says everything again at `/echo`, and lets nobody in elsewhere.
async fn host(stream: impl AsyncRead + AsyncWrite + Unpin) {
    #[allow(clippy::result_large_err, reason = "tungstenite's trait has it so")]
    let door = |request: &Request, response: Response| match request.uri().path() {
        "/echo" => Ok(response),
        _ => {
            let mut no = ErrorResponse::new(None);
            *no.status_mut() = StatusCode::UNAUTHORIZED;
            Err(no)
        }
    };
    // Guests may be refused, and go as they like.
    let Ok(mut socket) = accept_hdr_async(stream, door).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        if socket.send(message).await.is_err() {
            return;
        }
    }
}
