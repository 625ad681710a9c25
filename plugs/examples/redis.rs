//! redis: `cargo run -p he-plugs --example redis -- redis://me:secret@cache.example [tls]`.

use std::error::Error;
use std::io;
use std::pin::Pin;

use he::rustls::Tls;
use he::{Attempt, Connector, Established};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, cmd};
use tokio::io::{AsyncRead, AsyncWrite};

/// An address wins when it has answered a PING: one that is loading its data, wants another password,
/// or takes TCP and says nothing, loses. A connection that breaks stays so: call this again. (redis's
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
            match tls {
                Some(tls) => greet(&info, config, tls.dial(attempt).await?).await,
                None => greet(&info, config, attempt.connect().await?).await,
            }
        }
    };
    let made = connector.connect_with(host, &[port], dial).await?;
    Ok(made.map(|(redis, driver)| {
        tokio::spawn(driver); // ends when the last clone of the connection is dropped
        redis
    }))
}

async fn greet(
    info: &RedisConnectionInfo,
    config: AsyncConnectionConfig,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> io::Result<(MultiplexedConnection, Pin<Box<dyn Future<Output = ()> + Send>>)> {
    let made = MultiplexedConnection::new_with_config(info, stream, config).await;
    let (mut redis, driver) = made.map_err(io::Error::other)?;
    let (mut driver, ping) = (Box::pin(driver), cmd("PING"));
    tokio::select! {
        pong = ping.exec_async(&mut redis) => pong.map_err(io::Error::other)?,
        () = &mut driver => return Err(io::ErrorKind::ConnectionAborted.into()),
    }
    Ok((redis, driver as _))
}

#[tokio::main]
#[allow(dead_code, reason = "a test has this file as a module")]
async fn main() -> Result<(), Box<dyn Error>> {
    const USAGE: &str = "usage: redis redis://[USER:PASSWORD@]HOST[:PORT][/DB] [tls]";
    let mut args = std::env::args().skip(1);
    let info = args.next().ok_or(USAGE)?.into_connection_info()?;
    let ConnectionAddr::Tcp(host, port) = info.addr() else { return Err(USAGE.into()) };
    let tls = args.next().map(|_| Tls::default());
    let settings = (info.redis_settings(), &AsyncConnectionConfig::new()); // answers within 500 ms
    let made = connect(&Connector::default(), tls.as_ref(), settings, host, *port).await?;
    println!("{}", made.report);
    let about: String = cmd("INFO").arg("server").query_async(&mut made.stream.clone()).await?;
    println!("{about}");
    Ok(())
}
