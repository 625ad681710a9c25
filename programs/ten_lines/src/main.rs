//! The program of the README, to a listener on loopback.

use std::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let stream = he::connect("localhost", port).await?;
    assert_eq!(stream.peer_addr()?, listener.local_addr()?);

    drop((stream, listener));
    let error = he::connect("localhost", port).await.unwrap_err();
    assert_eq!(error.kind(), he::ErrorKind::Connect);
    let error: std::io::Error = error.into();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    Ok(())
}
