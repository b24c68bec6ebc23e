"""Every rule by which the API refuses: rule -> (status, title, what to do about it).

A rule's name never changes its meaning. The table is complete; a test compares it with the code.
"""

SHRINK = "Send fewer columns, bins or groups, or shorter windows."
CHECK_FORMAT = "Compare the statement with the JSON Schema of its kind."
RECOUNT = "Count again with the library, under the plan; nothing can be mended by hand."
REBASELINE = "Correct the baseline's column declarations and send it again."
PROTECT = "Fetch the plan and protect the counts as it says."
SIGN_AGAIN = "Sign the exact bytes of the statement with the enrolled key, as DSSE says."
CONVERT = "Run `countersign convert` beside the model; it makes a statement without raw values."
ASK = "Ask an administrator for a new one."

RULES: dict[str, tuple[int, str, str]] = {
    # the request
    "request.address": (404, "Unknown address", "See the list of addresses at /api/v1/docs."),
    "request.method": (405, "Wrong method", "Use one of the methods in the Allow header."),
    "request.malformed": (422, "Malformed request", "See the request's schema at /api/v1/docs."),
    "request.cut_off": (408, "Incomplete request", "Send the same bytes again."),
    "upload.length": (411, "Length missing", "Send a Content-Length header."),
    "upload.too_large": (413, "Upload too large", SHRINK),
    "upload.content_type": (
        415,
        "Wrong content type",
        "Send application/json, or application/vnd.dsse+json for a signed statement.",
    ),
    "upload.encoding": (
        415,
        "Wrong content encoding",
        "Send the body as it is, or as one complete gzip or zstd stream.",
    ),
    # who is asking
    "credential.missing": (
        401,
        "Not authenticated",
        "Sign the statement with an enrolled key, or send Authorization: Bearer with a token.",
    ),
    "credential.revoked": (403, "Key or token revoked", "Enrol a new key."),
    "credential.scope": (403, "Not allowed", "Use a token that has the scope."),
    "credential.model": (
        403,
        "For other models",
        "Use a key or token that is for this model, or ask an administrator to change its limits.",
    ),
    "sender.models": (422, "Not names of models", "Give names as models are registered under."),
    "access.denied": (
        403,
        "Not among your roles",
        "Ask an administrator for a role that may do it.",
    ),
    "account.name_taken": (409, "Name taken", "Choose another name, or find the person's account."),
    "account.last_administrator": (
        409,
        "The last administrator",
        "Make somebody else an administrator first, and let them log in.",
    ),
    "account.active": (409, "Account active", "Deactivate the person first."),
    "account.erased": (409, "Person erased", "Invite the person anew."),
    "token.unknown": (401, "Unknown token", "Check the token, or enrol a key to get one."),
    "one_time_token.invalid": (403, "One-time token not valid", ASK),
    "key.already_enrolled": (409, "Key enrolled already", "Use the key, or enrol another one."),
    "key.malformed": (422, "Not a public key", "Send the 32 raw bytes of the key in base64."),
    "envelope.too_large": (413, "Envelope too large", SHRINK),
    "envelope.malformed": (422, "Malformed envelope", "See DSSE v1 for the envelope's form."),
    "envelope.payload_type": (
        422,
        "Wrong payload type",
        "Sign the statement under the payload type of in-toto.",
    ),
    "envelope.base64": (422, "Not base64", "Encode payload and signatures in padded base64."),
    "envelope.unsigned": (401, "Not signed by an enrolled key", "Enrol the key before it signs."),
    "envelope.bad_signature": (401, "Wrong signature", SIGN_AGAIN),
    # the registry
    "model.unknown": (404, "Unknown model", "Register the model first."),
    "model.conflict": (
        409,
        "Model registered differently",
        "Leave out everything but the name, or change the model's inventory instead.",
    ),
    "dependency.cycle": (422, "Circular dependency", "Leave out what depends on this model."),
    "version.unknown": (404, "Unknown version", "Register the model and the version first."),
    "version.conflict": (
        409,
        "Version registered with other facts",
        "Register a changed artefact under a new version name.",
    ),
    "version.digest_mismatch": (
        422,
        "Another artefact",
        "Send statements about the artefact that is registered, or register this one.",
    ),
    "deployment.overlap": (
        409,
        "Deployment recorded otherwise",
        "Record deployments in the order in which they happened.",
    ),
    "deployment.future": (422, "Not deployed yet", "Record it once it has happened."),
    "deployment.none": (404, "Nothing deployed there", "Check the environment, name and time."),
    "finding.own": (403, "Own finding", "Let a validator close it who doesn't own it."),
    "finding.evidence": (422, "Evidence missing", "Say what shows that it is mended."),
    "finding.closed": (409, "Closed already", "Raise a new finding."),
    "exception.expiry": (422, "Wrong end", "Choose an end within a year from now."),
    "exception.own": (403, "Own request", "Let somebody else decide."),
    "exception.decided": (409, "Decided already", "Ask for a new exception."),
    "requirement.bounds": (422, "Bounds missing or crossed", "Give a lowest or a highest value."),
    "plan.none": (404, "No plan yet", "Upload a baseline; the plan is made from it."),
    "plan.unknown": (422, "Unknown plan", "Fetch the plan and count under it."),
    "plan.superseded": (422, "Plan superseded", "Fetch the plan in force and count under it."),
    "receipt.unknown": (404, "Unknown statement", "Check the digest, or send the statement."),
    # any statement
    "statement.too_large": (413, "Statement too large", SHRINK),
    "statement.malformed": (422, "Malformed statement", CHECK_FORMAT),
    "statement.wrong_kind": (
        422,
        "Another kind of statement",
        "Send it to the address of its kind.",
    ),
    "statement.duplicate_key": (422, "Key given twice", "Give every key of an object once."),
    "statement.not_canonical": (
        422,
        "Written in another way",
        "Write the JSON as docs/formats/statement.md says, or let the library write it.",
    ),
    "statement.wrong_subject": (
        422,
        "Another subject",
        "Name the predicate's model and version in the subject.",
    ),
    # the firewall
    "firewall.identifier": (
        422,
        "Looks like an identifier",
        "Rename the column, label or deployment; no value of a row belongs in a name.",
    ),
    "firewall.unkeyed_token": (
        422,
        "Token that can be read or guessed",
        "Let the library make the tokens, with the key that stays beside the model.",
    ),
    "firewall.whylogs_profile": (422, "Profile of whylogs", CONVERT),
    "firewall.tfdv_statistics": (422, "Statistics of TFDV", CONVERT),
    "firewall.deequ_statistics": (422, "Statistics of Deequ or SageMaker", CONVERT),
    "firewall.evidently_report": (422, "Report of Evidently", CONVERT),
    # baselines
    "baseline.other_version": (
        422,
        "Baseline of another version",
        "Send the baseline to the address of its own version.",
    ),
    "baseline.conflict": (
        409,
        "Baseline revision taken",
        "Send a changed baseline with a higher revision.",
    ),
    "baseline.period": (422, "Reference out of time", "Correct the reference windows' times."),
    "baseline.too_few_rows": (422, "Too few reference rows", "Use a longer reference period."),
    "baseline.windows_overlap": (
        422,
        "Reference windows overlap",
        "Put each reference row into one window, and the windows in order of time.",
    ),
    "baseline.no_columns": (
        422,
        "No column is counted in windows",
        "Declare at least one column that is known when a row is answered, such as a query's "
        "length; outcome and quality columns are known only later.",
    ),
    "baseline.duplicate_column": (422, "Column declared twice", REBASELINE),
    "baseline.duplicate_token": (422, "Token declared twice", REBASELINE),
    "baseline.edges": (422, "Wrong bins", REBASELINE),
    "baseline.role_kind": (422, "Role and kind don't fit", REBASELINE),
    "baseline.one_score": (422, "Several score columns", REBASELINE),
    "baseline.one_outcome": (422, "Several outcome columns", REBASELINE),
    "baseline.joined_column": (422, "Wrong joined column", REBASELINE),
    "baseline.regression": (422, "Regression not complete", REBASELINE),
    "baseline.classes": (422, "Classes not complete", REBASELINE),
    "baseline.slices": (422, "Wrong slices", REBASELINE),
    "baseline.maps": (422, "Wrong map", REBASELINE),
    "baseline.template": (422, "Unknown template", "Leave it out, or name one that is listed."),
    "baseline.threshold": (422, "Threshold between edges", REBASELINE),
    # windows
    "window.empty_period": (422, "Empty period", "Send a window that ends after it starts."),
    "window.shard_out_of_range": (422, "No such shard", "Number the shards from 0."),
    "window.shards_differ": (
        409,
        "Shards disagree",
        "Configure all collectors of a deployment with the same number of shards.",
    ),
    "window.conflict": (
        409,
        "Window sent before with other content",
        "Send a correction with a higher revision.",
    ),
    "window.future": (422, "Window not over yet", "Check the host's clock and time zone."),
    "window.prehistoric": (422, "Window too old", "Mark history that is sent again as replay."),
    "window.overlap": (
        422,
        "Windows overlap",
        "Let each window start where the one before ended; correct one by a higher revision.",
    ),
    "window.too_short": (
        422,
        "Window too short",
        "Close windows less often: fetch the plan, or make the baseline with longer windows.",
    ),
    "window.too_long": (422, "Window too long", "Close windows as often as the plan says."),
    # counts
    "tally.withheld_rows": (422, "Withheld window with counts", RECOUNT),
    "tally.columns": (422, "Other columns than planned", RECOUNT),
    "tally.partition": (422, "Cells don't add up", RECOUNT),
    "tally.cells": (422, "Wrong number of cells", RECOUNT),
    "tally.first_cell": (422, "First cell missing", RECOUNT),
    "tally.groups": (422, "Unknown group", RECOUNT),
    "tally.parts": (422, "Part larger than the whole", RECOUNT),
    "tally.sums": (422, "Wrong sums", RECOUNT),
    "tally.chosen": (422, "Chosen rows of no class", RECOUNT),
    "tally.maps": (422, "Unknown means", RECOUNT),
    "tally.attributions": (422, "Unknown attributions", RECOUNT),
    "slices.number": (422, "Other slices than planned", RECOUNT),
    "slices.measure": (422, "Wrong measure of a slice", RECOUNT),
    "slices.cells": (422, "Wrong bands of a slice", RECOUNT),
    # privacy
    "privacy.scale": (422, "Noise and scale disagree", PROTECT),
    "privacy.min_count_below_plan": (422, "Floor too low", PROTECT),
    "privacy.mechanism_not_in_policy": (
        422,
        "Noise not in the policy",
        "Make the baseline again with the policy's mechanism.",
    ),
    "privacy.min_count_below_policy": (
        422,
        "Floor too low",
        "Make the baseline again with the policy's min_count.",
    ),
    "privacy.noise_below_policy": (
        422,
        "Less noise than the policy demands",
        "Make the baseline again with the policy's scale, unit and contribution.",
    ),
    "privacy.column_not_allowed": (
        422,
        "Column not allowed",
        "Leave the column out and make a new baseline, or ask an administrator to allow it.",
    ),
    "privacy.noise_below_plan": (422, "Other noise than planned", PROTECT),
    "privacy.not_noised": (422, "Figures without noise", PROTECT),
    "privacy.layout_not_noised": (
        422,
        "Bins from exact counts",
        "Make the baseline again with the policy's noise in its recipe, or declare its edges and "
        "categories.",
    ),
    "privacy.budget_exhausted": (
        422,
        "Privacy budget spent",
        "Wait until earlier statements are a year old, send fewer or longer windows, or ask an "
        "administrator for more noise or another limit.",
    ),
    "privacy.cell_below_floor": (422, "Cell too small to tell", RECOUNT),
    "privacy.differencing": (422, "Tables could be subtracted", RECOUNT),
    "privacy.means_of_few_rows": (422, "Means of too few rows", RECOUNT),
    "privacy.means_of_exact_rows": (422, "Means tell who is left out", RECOUNT),
    "privacy.means_once": (
        422,
        "Means told twice",
        "Leave maps and attributions out of a later revision.",
    ),
    # labels
    "labels.no_score": (422, "Labels without a score", "Declare a score column in the baseline."),
    "labels.other_outcome": (422, "Labels of another kind", RECOUNT),
    "labels.errors": (422, "Errors don't add up", RECOUNT),
    "labels.classes": (422, "Labels of no class", RECOUNT),
    "labels.quality": (422, "Unknown quality column", RECOUNT),
    "labels.withheld": (422, "Group labels without the overall table", RECOUNT),
    "labels.merged_apart": (422, "Label tables merged differently", RECOUNT),
    "outcomes.unknown_window": (
        422,
        "Labels of an unknown window",
        "Send the window's counts first, then its labels.",
    ),
    "outcomes.conflict": (
        409,
        "Labels sent before with other content",
        "Send all labels known so far, with a higher revision.",
    ),
    # events
    "event.time": (422, "Event out of time", "Check the event's time and the host's clock."),
    # policies
    "policy.unknown_field": (422, "Unknown setting", "Compare it with docs/formats/policy.json."),
    "policy.time": (422, "Not a possible time", "Write times as 08:00, hours as 22:00-07:00."),
    "policy.looser": (
        422,
        "Looser than the level above",
        "Set something as strict or stricter, or change the level above first.",
    ),
    "policy.value": (
        422,
        "Not a possible rule",
        "Choose a value that page and schema allow.",
    ),
    "policy.level": (422, "No such level", "Name a unit, a tier, both, a model, or none of them."),
    "policy.no_reason": (422, "Reason missing", "Say why, for those who read the log."),
    "policy.file": (422, "Not a policy file", "Write plain YAML as docs/policies.md shows it."),
    "policy.same_person": (403, "Needs another person", "Ask another policy administrator."),
    "policy.decided": (409, "Decided already", "Propose it anew if it is still wanted."),
    "policy.overtaken": (409, "Overtaken", "Propose it anew; compare it with what holds now."),
    "policy.not_replayed": (409, "Not replayed", "Start the replay and wait until it is done."),
    "policy.stale_replay": (409, "Replay out of date", "Replay the proposal again."),
    "replay.days": (422, "Not a possible period", "Replay from 1 to 366 days."),
    "replay.running": (409, "Replay not finished", "Wait until the running replay is done."),
    "exemption.settings": (422, "Not to be exempted", "Name settings that have an order."),
    "exemption.expiry": (422, "Not a possible end", "Choose a day within a year from now."),
    "exemption.same_person": (403, "Needs another person", "Ask another approver."),
    "exemption.decided": (409, "Decided already", "Ask for a new exemption if it is needed."),
    "unit.circular": (422, "Units in a circle", "Choose a unit that isn't part of this one."),
    # incidents, on their pages
    "incident.resolved": (409, "Resolved already", "Read what the other person said."),
    "incident.changed": (409, "Given to somebody already", "Look again, then decide."),
    "incident.owner": (422, "May not handle it", "Choose somebody of the model's unit."),
    "incident.snooze": (422, "Too long, or over", "Choose a day within the next 30."),
    "incident.no_reason": (422, "Reason missing", "Say why, for the next reader."),
    "incident.verdict": (422, "Not said what it was", "Choose what it was from the list."),
    "silence.everything": (422, "Silence of everything", "Name a model, a column or a cause."),
    "silence.no_reason": (422, "Reason missing", "Say why nobody is to be told."),
    "silence.too_long": (
        422,
        "Silence without end",
        "Let it end in time; renew it then.",
    ),
    # the log's proofs and its witnesses
    "proof.index": (404, "No such entry", "Ask for an entry below the checkpoint's size."),
    "proof.size": (422, "No such sizes", "Ask for sizes up to the checkpoint's, smaller first."),
    "witness.url": (422, "Not an address", "Give the address before /add-checkpoint."),
    "witness.vkey": (422, "Not a witness's key", "Ask the witness for its verifier key."),
    "witness.known": (409, "Asked already", "Remove the witness first, then add it again."),
    # sign-offs
    "signoff.unknown": (404, "Unknown request", "Check its identity on the page of sign-offs."),
    "signoff.none": (404, "Never signed off", "Ask for a sign-off of the version."),
    "signoff.waiting": (409, "Another request waits", "Decide on it, or withdraw it, first."),
    "signoff.closed": (409, "Request no longer waits", "Ask for another sign-off."),
    "signoff.not_in_force": (409, "No approval in force", "There is nothing to be ended."),
    "signoff.no_developer": (
        422,
        "No developer named",
        "Name who developed the version, so that they can't approve it.",
    ),
    "signoff.too_few_approvers": (
        422,
        "Too few who may sign",
        "Give more people the role, who neither submitted nor developed the version.",
    ),
    "signoff.evidence": (413, "Evidence too large", SHRINK),
    "signoff.reason": (422, "Reason missing", "Say why, in at most 2,000 characters."),
    "signoff.four_eyes": (
        403,
        "Submitter or developer",
        "Let somebody decide who neither submitted nor developed the version.",
    ),
    "signoff.signed_already": (409, "Decided already", "One person decides once on a request."),
    "signoff.replayed": (409, "Signature seen before", "Sign anew; a signature counts once."),
    "signoff.other_request": (
        422,
        "About something else",
        "Fetch the request again and sign what it says.",
    ),
    "signoff.agreement": (
        422,
        "Agreement not signed",
        "Sign the request's agreement as it is, with the key that signs the decision.",
    ),
    "signoff.name": (422, "Another name", "Sign with your name as this appliance knows it."),
    "signoff.meaning": (422, "Another meaning", "Use the sentence that belongs to the act."),
    "signoff.checklist": (422, "Checklist not complete", "Confirm every point, or reject."),
    "signoff.conditions": (
        422,
        "Conditions not possible",
        "Give each condition one bound, on a figure that is watched.",
    ),
    "signoff.clock": (422, "Signed at another time", "Set the clock of the signing machine."),
    "signoff.other_person": (403, "Somebody else's key", "Sign with a key of your own."),
    "signoff.key_revoked": (403, "Key revoked", "Enrol a new key and sign anew."),
    "signoff.approver_inactive": (403, "Account not active", "Let somebody else decide."),
    # the appliance
    "server.unavailable": (503, "Not available", "Send the same bytes again a little later."),
    "server.error": (500, "Failure of the appliance", "Tell the administrator; see its log."),
}
