//! A web site for tests. It answers by a function of the test and keeps the requests.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use he_test_support::web::Guests;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

pub(crate) type Page = Response<BoxBody<Bytes, Infallible>>;

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The host and port, from `:authority` or `Host`.
    pub(crate) authority: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    /// A header's value, if there is one.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// `GET /path`, and the body if there is one.
    pub(crate) fn line(&self) -> String {
        let line = format!("{} {} {}", self.method, self.path, String::from_utf8_lossy(&self.body));
        line.trim_end().to_owned()
    }
}

type Answer = dyn Fn(&Asked) -> Page + Send + Sync;

#[derive(Clone)]
pub(crate) struct Site {
    answer: Arc<Answer>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Site {
    pub(crate) fn new(answer: impl Fn(&Asked) -> Page + Send + Sync + 'static) -> Self {
        Self { answer: Arc::new(answer), asked: Arc::default() }
    }

    /// The requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Asked::line).collect()
    }

    /// Plain HTTP/1.1 and HTTP/2.
    pub(crate) fn open(&self, listener: TcpListener) -> Guests {
        let site = self.clone();
        Guests::welcome(listener, move |stream| site.clone().serve(stream))
    }

    /// Answers the requests on one connection until the client is done.
    pub(crate) async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let server = auto::Builder::new(TokioExecutor::new());
        let service = service_fn(move |request| self.clone().say(request));
        // Clients may close the connection at any time.
        let _ = server.serve_connection(TokioIo::new(stream), service).await;
    }

    async fn say(self, request: Request<Incoming>) -> Result<Page, hyper::Error> {
        let (head, body) = request.into_parts();
        let asked = Asked {
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            authority: authority(&head.uri, &head.headers),
            headers: head.headers,
            body: body.collect().await?.to_bytes(),
        };
        self.asked.lock().unwrap().push(asked.clone());
        Ok((self.answer)(&asked))
    }
}

fn authority(uri: &Uri, headers: &HeaderMap) -> String {
    match uri.authority() {
        Some(authority) => authority.to_string(),
        None => headers[header::HOST].to_str().unwrap().to_owned(),
    }
}

pub(crate) fn page(body: impl Into<Bytes>) -> Page {
    Response::new(Full::new(body.into()).boxed())
}

/// Adds a header to a page.
pub(crate) fn with(mut page: Page, name: &'static str, value: &str) -> Page {
    page.headers_mut().append(name, value.parse().unwrap());
    page
}

pub(crate) fn redirect(status: u16, to: &str) -> Page {
    let mut page = with(page("elsewhere"), header::LOCATION.as_str(), to);
    *page.status_mut() = StatusCode::from_u16(status).unwrap();
    page
}

/// A body that does not end.
pub(crate) enum Endless {
    /// Always has more data.
    Flood,
    /// Sends one word, and then nothing.
    Word(Option<Bytes>),
}

impl Endless {
    pub(crate) fn page(self) -> Page {
        Response::new(self.boxed())
    }
}

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Flood => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 1024]))))),
            Self::Word(word) => match word.take() {
                Some(word) => Poll::Ready(Some(Ok(Frame::data(word)))),
                None => Poll::Pending,
            },
        }
    }
}
