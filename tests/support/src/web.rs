//! Web servers and proxies on loopback, which say who has come to them.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::http::{Request, Response, Uri, Version};
use hyper::service::service_fn;
use hyper_util::client::legacy::connect::Connect;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream,
    copy_bidirectional,
};
use tokio::net::{TcpListener, TcpStream};

/// The connections that a server or a proxy has taken.
#[derive(Clone, Default)]
pub struct Guests(Arc<Mutex<Vec<SocketAddr>>>);

impl Guests {
    pub fn came(&self) -> Vec<SocketAddr> {
        self.0.lock().unwrap().clone()
    }

    /// Takes every connection, each in a task of its own.
    pub fn welcome<F>(listener: TcpListener, host: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::welcome_known(listener, move |stream, _| host(stream))
    }

    /// The address of one that has reset its connection is known from here alone.
    pub fn welcome_known<F>(
        listener: TcpListener,
        host: impl Fn(TcpStream, SocketAddr) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let guests = Self::default();
        let book = guests.clone();
        tokio::spawn(async move {
            while let Ok((stream, guest)) = listener.accept().await {
                book.0.lock().unwrap().push(guest);
                tokio::spawn(host(stream, guest));
            }
        });
        guests
    }
}

/// A server of plain HTTP/1.1 and HTTP/2, which says what it was asked for and over which version.
pub fn serve(listener: TcpListener) -> Guests {
    Guests::welcome(listener, answer)
}

/// Answers the requests on one connection until the client is done.
pub async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let server = auto::Builder::new(TokioExecutor::new());
    // Clients go away as they like.
    let _ = server.serve_connection(TokioIo::new(stream), service_fn(say)).await;
}

async fn say(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    let version = match request.version() {
        Version::HTTP_2 => "h2",
        _ => "h1",
    };
    Ok(Response::new(format!("{} over {version}", request.uri().path())))
}

pub type Body = Empty<Bytes>;

/// hyper-util's client with its pool.
pub fn client<C: Connect + Clone>(connector: C) -> Client<C, Body> {
    Client::builder(TokioExecutor::new()).build(connector)
}

/// A request, its response without the body, and the body.
pub async fn get<C>(client: &Client<C, Body>, uri: &str) -> Result<(Response<()>, String), Error>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let (head, body) = client.get(uri.parse::<Uri>().unwrap()).await?.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Ok((Response::from_parts(head, ()), String::from_utf8(body.into()).unwrap()))
}

/// An HTTP proxy, for CONNECT alone.
pub async fn tunnel(client: TcpStream) {
    let mut client = BufStream::new(client);
    let mut target = String::new();
    loop {
        let mut line = String::new();
        if client.read_line(&mut line).await.unwrap() <= 2 {
            break;
        }
        if let Some(rest) = line.strip_prefix("CONNECT ") {
            target = rest.split(' ').next().unwrap().to_owned();
        }
    }
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    pass_on(client, target.parse().unwrap()).await.ok();
}

/// A proxy that speaks SOCKS 5 (RFC 1928), without authentication and with IPv4 addresses only.
pub async fn socks(client: TcpStream) {
    let mut client = BufStream::new(client);
    let methods = [client.read_u8().await.unwrap(), client.read_u8().await.unwrap()][1];
    client.read_exact(&mut vec![0; methods.into()]).await.unwrap();
    client.write_all(&[5, 0]).await.unwrap();
    client.flush().await.unwrap();
    let mut request = [0; 4];
    client.read_exact(&mut request).await.unwrap();
    assert_eq!(request, [5, 1, 0, 1], "CONNECT to an IPv4 address");
    let ip = IpAddr::from(Ipv4Addr::from(client.read_u32().await.unwrap()));
    let target = SocketAddr::new(ip, client.read_u16().await.unwrap());
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
    pass_on(client, target).await.ok();
}

async fn pass_on(mut client: BufStream<TcpStream>, target: SocketAddr) -> io::Result<()> {
    client.flush().await?;
    let mut server = TcpStream::connect(target).await?;
    copy_bidirectional(&mut client, &mut server).await.map(|_| ())
}
