//! What can go wrong with something that is sent once and changes something: whether it was sent is half of the answer.

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered<E: std::error::Error + 'static> {
    /// Proven that nothing reached the far end: no connection, no login, nothing written.
    #[error("{0}")]
    NotSent(E),
    /// Written, or maybe written, and no answer came: it may have happened, and may happen yet.
    #[error("{0}")]
    NoAnswer(E),
}

impl<E: std::error::Error + 'static> Unanswered<E> {
    /// The failure itself.
    pub fn error(&self) -> &E {
        match self {
            Self::NotSent(error) | Self::NoAnswer(error) => error,
        }
    }
}
