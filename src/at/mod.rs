//! **AT**: an AT conversation without the wire.
//!
//! Octets become lines and prompts in [`lexer`], lines become answers and announcements in [`chat`], which
//! keeps one command in flight. [`answer`] knows what a final result means, [`information`] reads what
//! stands before it, [`storage`] what stands in a slot, [`urc`] keeps unsolicited lines whole.
//!
//! Contract of the chat: **one input, then drain.** After `handle`, call `poll` until it returns `None`; then
//! wait for more octets or for `deadline()`, whichever is first. Time comes in with every input.
//!
//! Never: does IO, reads a clock, decides what to say next, knows which modem it talks to.
//! May use: `domain`.
//! Read first: `owner_of` in [`chat`], which gives each line to exactly one owner.

pub(crate) mod answer;
pub(crate) mod chat;
pub(crate) mod command;
pub(crate) mod information;
mod lexer;
pub(crate) mod storage;
pub(crate) mod urc;
