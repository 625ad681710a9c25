//! The replies of one server that do not end its question. The error at the deadline has them.

use std::borrow::Cow;

use crate::mutex::Mutex;

type Text = Cow<'static, str>;

/// See the module.
#[derive(Debug, Default)]
pub(in crate::dns) struct Said(Mutex<Option<Text>>);

impl Said {
    /// The server has replied. The latest reply counts.
    pub(in crate::dns) fn replied(&self, text: &'static str) {
        *self.0.lock() = Some(text.into());
    }

    /// One transport has failed while another one may still bring a reply. A reply counts for more.
    pub(in crate::dns) fn failed(&self, transport: &str, why: &str) {
        self.0.lock().get_or_insert_with(|| format!("over {transport}: {why}").into());
    }

    pub(super) fn text(&self) -> Option<Text> {
        self.0.lock().clone()
    }
}
