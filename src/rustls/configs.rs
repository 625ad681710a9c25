//! The configurations of rustls, one for each binding.

use std::sync::Arc;

use rustls::ClientConfig;

use crate::race::binding::Binding;

/// At most this many bindings have a configuration. A program may rotate its local addresses, and a
/// configuration can hold the sessions of 256 servers.
const MAX_CONFIGS: usize = 64;

/// The configurations with their bindings, the one last used at the end.
#[derive(Default)]
pub(super) struct Configs(Vec<(Binding, Arc<ClientConfig>)>);

impl Configs {
    pub(super) fn get(&mut self, binding: &Binding) -> Option<Arc<ClientConfig>> {
        let at = self.0.iter().position(|(known, _)| known == binding)?;
        self.0[at..].rotate_left(1);
        self.0.last().map(|(_, config)| config.clone())
    }

    /// Keeps this configuration, unless the binding has one. Returns the one that is kept. If there
    /// are too many, the one that was unused for the longest time goes.
    pub(super) fn keep(
        &mut self,
        binding: &Binding,
        config: Arc<ClientConfig>,
    ) -> Arc<ClientConfig> {
        if let Some(known) = self.get(binding) {
            return known;
        }
        if self.0.len() == MAX_CONFIGS {
            self.0.remove(0);
        }
        self.0.push((binding.clone(), config.clone()));
        config
    }
}

#[cfg(test)]
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod tests {
    use std::net::Ipv4Addr;

    use rustls::RootCertStore;

    use super::*;
    use crate::rustls::{Tls, Trust};
    use crate::tls::provider::provider;

    fn tls() -> Tls {
        let builder = ClientConfig::builder_with_provider(provider().unwrap());
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let config = builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        Tls::new(Trust::config(config))
    }

    fn config_of(tls: &Tls, local: usize) -> Arc<ClientConfig> {
        let local_v4 = Some(Ipv4Addr::from_bits(local as u32));
        tls.config_now(&Binding { local_v4, ..Binding::default() }).unwrap()
    }

    // A program may rotate its local addresses.
    #[test]
    fn at_most_64_configurations_are_kept_and_the_oldest_goes_first() {
        let tls = tls();
        let made: Vec<_> = (0..64).map(|local| config_of(&tls, local)).collect();
        for (local, config) in made.iter().enumerate() {
            assert!(Arc::ptr_eq(config, &config_of(&tls, local)), "{local}");
        }
        let new = config_of(&tls, 64);
        for (local, config) in made.iter().enumerate().skip(1) {
            assert!(Arc::ptr_eq(config, &config_of(&tls, local)), "{local}");
        }
        assert!(Arc::ptr_eq(&new, &config_of(&tls, 64)));
        assert!(!Arc::ptr_eq(&made[0], &config_of(&tls, 0)));
        (100..1_000).for_each(|local| drop(config_of(&tls, local)));
        assert_eq!(tls.configs.lock().0.len(), 64);
    }

    #[test]
    fn a_configuration_in_use_is_kept() {
        let tls = tls();
        let mine = tls.client_config().unwrap();
        for local in 0..1_000 {
            config_of(&tls, local);
            assert!(Arc::ptr_eq(&mine, &tls.client_config().unwrap()), "{local}");
        }
    }
}
