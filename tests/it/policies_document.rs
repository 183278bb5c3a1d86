//! docs/policies.md is what the registry's table says.

use std::path::Path;

use watchtower::policy::document::markdown;
use watchtower::policy::registry::POLICIES;

#[test]
fn the_page_of_policies_is_made_from_the_registry() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/policies.md");
    let made = markdown(POLICIES);
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = committed.lines().zip(made.lines()).position(|(left, right)| left != right);
    let line = differs.unwrap_or_else(|| committed.lines().count().min(made.lines().count())) + 1;
    assert!(
        committed == made,
        "docs/policies.md:{line} is not what the registry says; run UPDATE_DOCS=1 cargo test --test it policies_document"
    );
}
