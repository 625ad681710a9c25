//! The panic that the README warns of: this program has ring, and he-connect's default features
//! bring aws-lc-rs. If this program fails because nothing panics, the warning can go.

use std::panic::{catch_unwind, set_hook, take_hook};

use rustls::ClientConfig;

fn main() {
    // Without a use of it, the linker would leave it out.
    let _connector = he::Connector::default();
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let panicked = catch_unwind(ClientConfig::builder).is_err();
    set_hook(hook);
    assert!(panicked, "rustls no longer panics with two providers: remove the README's warning");

    // The README's cure, with this program's own provider.
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let _builder = ClientConfig::builder();
}
