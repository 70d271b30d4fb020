//! What the tests of this room share: a hand-made picture, and a console driven by rows of keys.
