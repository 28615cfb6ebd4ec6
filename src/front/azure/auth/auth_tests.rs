//! Who gets in, by which door, and what is answered to others.
