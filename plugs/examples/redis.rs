//! redis: `cargo run -p he-plugs --example redis -- rediss://me:secret@cache.example`.

use std::error::Error;
use std::io;
use std::pin::Pin;

use he::rustls::{MaybeTls, Tls};
use he::{Attempt, Connector, Established};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use redis::{RedisConnectionInfo, RedisResult, cmd};

/// An address wins when it has answered a PING, or that this user may not ask: one that is loading
/// its data, wants another password, or takes TCP and says nothing, loses. So a wrong password is
/// tried at every address. A connection that breaks stays so: call this again. (redis's
/// `ConnectionManager`, which connects anew, and its `Client` take no connection.)
pub(crate) async fn connect(
    connector: &Connector,
    tls: Option<&Tls>,
    (info, config): (&RedisConnectionInfo, &AsyncConnectionConfig),
    host: &str,
    port: u16,
) -> Result<Established<MultiplexedConnection>, he::Error> {
    let dial = |attempt: Attempt| {
        let (tls, info, config) = (tls.cloned(), info.clone(), config.clone());
        async move {
            let stream = match tls {
                Some(tls) => MaybeTls::Tls(Box::new(tls.dial(attempt).await?)),
                None => MaybeTls::Plain(attempt.connect().await?),
            };
            let made = MultiplexedConnection::new_with_config(&info, stream, config).await;
            let (mut redis, driver) = made.map_err(io::Error::other)?;
            let mut driver: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(driver);
            let ping = cmd("PING");
            let pong = tokio::select! {
                pong = ping.exec_async(&mut redis) => pong,
                () = &mut driver => return Err(io::ErrorKind::ConnectionAborted.into()),
            };
            match pong {
                Err(error) if error.code() != Some("NOPERM") => Err(io::Error::other(error)),
                _ => Ok((redis, driver)),
            }
        }
    };
    let made = connector.connect_with(host, port, dial).await?;
    Ok(made.map(|(redis, driver)| {
        tokio::spawn(driver); // ends when the last clone of the connection is dropped
        redis
    }))
}

/// Reads a URL: true if it asks for TLS, which redis has to be built with to parse it, and all else
/// that it says; `#insecure` has no effect.
pub(crate) fn parse(url: &str) -> RedisResult<(bool, ConnectionInfo)> {
    match url.strip_prefix("rediss://") {
        Some(rest) => Ok((true, format!("redis://{rest}").into_connection_info()?)),
        None => Ok((false, url.into_connection_info()?)),
    }
}

#[tokio::main]
#[allow(dead_code, reason = "a test has this file as a module")]
async fn main() -> Result<(), Box<dyn Error>> {
    const USAGE: &str = "usage: redis redis[s]://[USER:PASSWORD@]HOST[:PORT][/DB]";
    let (secure, info) = parse(&std::env::args().nth(1).ok_or(USAGE)?)?;
    let ConnectionAddr::Tcp(host, port) = info.addr() else { return Err(USAGE.into()) };
    let (tls, connector) = (secure.then(Tls::default), Connector::default());
    let settings = (info.redis_settings(), &AsyncConnectionConfig::new()); // answers within 500 ms
    let made = connect(&connector, tls.as_ref(), settings, host, *port).await?;
    println!("{}", made.report);
    let about: String = cmd("INFO").arg("server").query_async(&mut made.stream.clone()).await?;
    println!("{about}");
    Ok(())
}
