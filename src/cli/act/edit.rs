//! The dynamic configuration in the operator's own editor.

use futures::future::BoxFuture;
use serde_json::{Map, Value};

use super::confirm::{AskOperator, TerminalOperator};
use crate::action::Intent;
use crate::action::configuration;
use crate::action::intent::ConfigurationIntent;
use crate::cli::printer::Printer;
use crate::model::snapshot::Snapshot;

/// Gives a text to the editor, and returns what became of it. The error is one line.
pub type Editor = Box<dyn FnMut(String) -> BoxFuture<'static, Result<String, String>>>;

/// Opens the configuration as `snapshot` has it, with the `typed` changes in it, and returns what was changed as an intent.
///
/// # Errors
/// It is not on record, the editor failed, or nothing was changed: in one line.
pub async fn edited(
    snapshot: &Snapshot,
    typed: &Map<String, Value>,
    editor: Editor,
    printer: &mut Printer,
) -> Result<Intent, String> {
    with(snapshot, typed, editor, printer, &mut TerminalOperator).await
}

async fn with(
    snapshot: &Snapshot,
    typed: &Map<String, Value>,
    mut editor: Editor,
    printer: &mut Printer,
    operator: &mut impl AskOperator,
) -> Result<Intent, String> {
    let texts = configuration::texts(snapshot, typed);
    let (before, mut text) = texts.ok_or("the dynamic configuration is not in the DCS, or cannot be read")?;
    loop {
        text = editor(text).await?;
        let why = match configuration::edited(&before, &text) {
            Ok(changes) => return Ok(Intent::Configuration(ConfigurationIntent::Configure { changes })),
            Err(why) => why.to_string(),
        };
        // An hour's work is not thrown away for a comma.
        if text == before || !operator.is_there() {
            return Err(why);
        }
        printer.say(format!("pgctl-tui: {why}"));
        match operator.ask("edit it again? [Y/n]").await.as_deref().map(str::trim) {
            Some("" | "y" | "Y" | "yes") => {}
            Some(_) | None => return Err("nothing was changed".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use serde_json::json;

    use super::*;
    use crate::model::test_support::{healthy, record};

    struct ScriptedEditor(&'static str);

    impl AskOperator for ScriptedEditor {
        fn is_there(&self) -> bool {
            true
        }

        async fn ask(&mut self, _question: &str) -> Option<String> {
            Some(self.0.to_owned())
        }
    }

    /// An editor that saves these texts, one after the other; each sees what the one before wrote.
    fn editor(mut saved: Vec<fn(&str) -> String>) -> Editor {
        Box::new(move |text| {
            let next = saved.remove(0);
            async move { Ok(next(&text)) }.boxed()
        })
    }

    fn snapshot() -> Snapshot {
        let mut snapshot = healthy();
        record(&mut snapshot, |content| {
            let config = content.patroni_mut().config.get_or_insert_default();
            config.lines = ["{", "\"ttl\": 30", "}"].into_iter().map(Into::into).collect();
        });
        snapshot
    }

    #[tokio::test]
    async fn what_was_written_is_opened_again_until_it_can_be_read() {
        let broken: fn(&str) -> String = |text| text.replace("30", "20,,");
        let repaired: fn(&str) -> String = |text| text.replace("20,,", "20");
        let (typed, snapshot) = (Map::new(), snapshot());
        let reported =
            with(&snapshot, &typed, editor(vec![broken, repaired]), &mut Printer::new(), &mut ScriptedEditor("")).await;
        let Ok(Intent::Configuration(ConfigurationIntent::Configure { changes })) = reported else {
            panic!("{reported:?}")
        };
        assert_eq!(Value::Object(changes), json!({"ttl": 20}));
        let reported =
            with(&snapshot, &typed, editor(vec![broken]), &mut Printer::new(), &mut ScriptedEditor("n")).await;
        assert_eq!(reported, Err("nothing was changed".to_owned()));
    }

    #[tokio::test]
    async fn an_untouched_configuration_is_no_change_and_one_that_is_not_on_record_is_not_opened() {
        let same: fn(&str) -> String = str::to_owned;
        let reported =
            with(&snapshot(), &Map::new(), editor(vec![same]), &mut Printer::new(), &mut ScriptedEditor("y")).await;
        assert_eq!(reported, Err("nothing was changed".to_owned()));
        let reported =
            with(&healthy_without(), &Map::new(), editor(vec![same]), &mut Printer::new(), &mut ScriptedEditor("y"))
                .await;
        assert!(reported.is_err_and(|why| why.contains("not in the DCS")));
    }

    fn healthy_without() -> Snapshot {
        let mut snapshot = healthy();
        record(&mut snapshot, |content| content.patroni_mut().config = None);
        snapshot
    }
}
