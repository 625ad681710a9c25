//! The common traits of every public type.

use std::fmt::Debug;

fn cloned<T: Clone + Debug + Send + Sync + Unpin + 'static>() {}

#[test]
fn every_type_has_the_traits_that_make_sense() {
    cloned::<he_reqwest::Dns>();
}

#[test]
#[cfg(feature = "middleware")]
fn every_type_of_the_middleware_has_the_traits_that_make_sense() {
    use std::hash::Hash;

    fn copied<T: Copy + Debug + Default + Eq + Hash + Send + Sync + Unpin + 'static>() {}
    fn error<T: std::error::Error + Send + Sync + Unpin + 'static>() {}
    copied::<he_reqwest::Redirects>();
    cloned::<he_reqwest::Transport>();
    cloned::<he_reqwest::Error>();
    error::<he_reqwest::Error>();
}
