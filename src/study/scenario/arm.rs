//! One `[[arm]]` as it is written.

use crate::policy::registry::PolicyInfo;
use crate::policy::settings::Settings;

use super::section::Section;

/// One `[[arm]]`.
#[derive(Clone)]
pub struct ArmSection {
    /// Name and policy.
    pub section: Section,
    /// Its policy; `None` if there is none of that name.
    pub policy: Option<&'static PolicyInfo>,
    /// The policy's own settings, complete; empty without a policy.
    pub settings: Settings,
    /// `shadows`: names of other arms, each with its line.
    pub shadows: Vec<(String, u32)>,
}

impl ArmSection {
    /// The arm's name: as given, or its policy's.
    pub fn name(&self) -> &str {
        match self.section.settings.text("name") {
            "" => self.section.settings.text("policy"),
            name => name,
        }
    }

    /// Whether it is never run itself.
    pub fn is_shadow_only(&self) -> bool {
        self.section.settings.switch("shadow_only")
    }
}
