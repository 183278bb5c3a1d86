//! docs/metrics.md is what the table of metrics says.

use std::path::Path;

use watchtower::stats::metric::document;

#[test]
fn the_page_of_metrics_is_made_from_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let made = document();
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "docs/metrics.md is not what the table says; run UPDATE_DOCS=1 cargo test --test it metrics_document"
    );
}
