/**
 * The one table of codes: every refusal, event and failure that tinylamp can name.
 * A code never changes its meaning. `docs/codes.md` is made from this table, and a test compares them.
 */

/** Where a code comes from. The command line turns areas into exit codes. */
export type Area =
  | 'document' // bytes that claim to be a signed document
  | 'update' // the life of a release on a device
  | 'engine' // the inference core; `engine` is the number that the Rust side returns
  | 'input' // samples and files that models read
  | 'configuration'
  | 'transport'
  | 'storage'
  | 'usage';

export interface CodeEntry {
  readonly area: Area;
  /** What was wrong, in general; the particulars are in the refusal's detail. */
  readonly cause: string;
  /** What to do about it. */
  readonly remedy: string;
  /** The number that the Rust crate gives this code (`wasm/src/error.rs`). */
  readonly engine?: number;
}

export const codes = {
  // --- usage -----------------------------------------------------------------------------------
  'champion-missing': {
    area: 'usage',
    cause: 'The key folder knows no policy of the slot.',
    remedy:
      'Publish the first release of a slot to everyone: `tinylamp publish FILE`. What was published with a lost folder is gone on with by --take-over.',
  },
  'classes-differ': {
    area: 'usage',
    cause:
      'The two releases do not name the same classes, so that their answers cannot be compared by name.',
    remedy:
      'Build the release with --labels, with the names of the champion. Where it is to know more classes, give --new-classes.',
  },
  'conformance-folder-invalid': {
    area: 'usage',
    cause: 'The conformance folder has no index that can be used.',
    remedy: 'Name a folder with an index.json, and correct what the message names.',
  },
  'device-enrolled': {
    area: 'usage',
    cause: 'The device is enrolled already.',
    remedy: 'Choose another id, or give --again for a new credential.',
  },
  'device-unknown': {
    area: 'usage',
    cause: 'No such device is enrolled.',
    remedy: 'Look at `tinylamp enrol --list`, and enrol it first.',
  },
  'folder-used': {
    area: 'usage',
    cause: 'The folder that a data set is to be written to holds something already.',
    remedy: 'Name another folder, or empty it.',
  },
  'labels-unreadable': {
    area: 'usage',
    cause: 'A file of labels is no table with the columns device, boot, window and label.',
    remedy: 'Correct what the message names. `tinylamp label --list` shows which windows wait.',
  },
  'truth-unknown': {
    area: 'usage',
    cause: 'The device names no topic on which labels could be published for the slot.',
    remedy:
      'Give slots.<name>.truth in the configuration of the device, with a topic that is not below its prefix.',
  },
  'plan-contradictory': {
    area: 'usage',
    cause: 'The terms of a rollout contradict each other, or cannot be meant.',
    remedy: 'Correct what the message names; `tinylamp rollout plan` shows what terms can show.',
  },
  'plan-unreachable': {
    area: 'usage',
    cause:
      'No challenger, however good, could be called safe with these terms by a fleet of this size.',
    remedy:
      'Allow a wider margin, more devices or more time; `tinylamp rollout plan` shows what each of them takes.',
  },
  'evidence-file-invalid': {
    area: 'usage',
    cause: 'The file of evidence is not what `rollout judge` reads.',
    remedy: 'Correct what the message names; docs/rollout.md shows the keys of the file.',
  },
  'scenario-invalid': {
    area: 'usage',
    cause: 'A scenario file has a key or value that is not allowed.',
    remedy: 'Correct the line that the message names; it says what is allowed there.',
  },
  'slot-configured': {
    area: 'usage',
    cause: 'The slot is in the configuration, so that what it holds is needed.',
    remedy: 'Remove it from the configuration first.',
  },
  'slot-unknown': {
    area: 'usage',
    cause: 'The state record has no such slot.',
    remedy: 'Look at `tinylamp state --config FILE`.',
  },
  'file-unreadable': {
    area: 'usage',
    cause: 'A file cannot be read.',
    remedy: 'Check its path and its permissions.',
  },
  'keys-busy': {
    area: 'usage',
    cause: 'Another command is using the key folder, and does not come to an end.',
    remedy: 'Look at what it waits for, and try again when it is done: that takes seconds.',
  },
  'keys-exist': {
    area: 'usage',
    cause: 'The folder holds an operator key already.',
    remedy: 'Name another folder: a key that is overwritten cannot be brought back.',
  },
  'keys-unreadable': {
    area: 'usage',
    cause: 'The key folder cannot be read.',
    remedy: 'Name the folder that `tinylamp keys new` made, and check its permissions.',
  },
  'label-malformed': {
    area: 'usage',
    cause: 'The text is no label.',
    remedy: 'Give NAME=VALUE: a name of A-Z a-z 0-9 _ . - and a short printable value.',
  },
  'pipeline-file-invalid': {
    area: 'usage',
    cause: 'The pipeline file has a key or value that is not allowed.',
    remedy: 'Correct the named key; docs/operator.md has examples.',
  },
  'reference-file-invalid': {
    area: 'usage',
    cause: 'The reference statistics of a model have a key or value that is not allowed.',
    remedy: 'Correct the named key; docs/operator.md says what a reference holds.',
  },
  'reference-missing': {
    area: 'usage',
    cause: 'The release carries no reference statistics, and the gate is to judge by them.',
    remedy: 'Build it with --labels and --reference, or judge by labels: --evidence labels.',
  },
  'rollout-exists': {
    area: 'usage',
    cause: 'The slot has a rollout that is not over.',
    remedy:
      'End it first with `tinylamp rollout abort` or `promote`, or go on with it: `tinylamp rollout start --slot SLOT`.',
  },
  'rollout-missing': {
    area: 'usage',
    cause: 'The slot has no rollout.',
    remedy: 'Begin one with `tinylamp rollout start`.',
  },
  'rollout-over': {
    area: 'usage',
    cause: 'The rollout is over: there is nothing to decide any more.',
    remedy: 'Begin another with `tinylamp rollout start FILE`.',
  },
  'rollout-running': {
    area: 'usage',
    cause: 'Another process decides about this slot: the controller of a rollout, or a command.',
    remedy: 'Watch it with `tinylamp rollout status`, or end it with Ctrl-C; the rollout stays.',
  },
  'rollout-superseded': {
    area: 'usage',
    cause: 'Another policy was published since the rollout began.',
    remedy: 'Abort the rollout: what was published stays as it is.',
  },
  'rollout-unanswered': {
    area: 'usage',
    cause: 'The controller of the rollout did not take the request in time.',
    remedy: 'Look at what it prints; end it with Ctrl-C, and give the command again.',
  },
  'rollout-unreadable': {
    area: 'usage',
    cause:
      'The record of the rollout cannot be read: it is torn, of another version, or was edited.',
    remedy:
      'Go on with the version that wrote it, restore it from a copy of the key folder, or remove it and begin anew.',
  },
  'roster-empty': {
    area: 'usage',
    cause: 'No device is enrolled: there is nobody to roll out to.',
    remedy: 'Enrol the devices first: `tinylamp enrol ID --keys DIR`.',
  },
  'roster-unreadable': {
    area: 'usage',
    cause: 'The roster of enrolled devices cannot be read or written.',
    remedy: 'Check the folder and its permissions; mend roster.json by hand, or restore a copy.',
  },
  'usage-invalid': {
    area: 'usage',
    cause: 'The command line was not understood.',
    remedy: 'Run the command with --help and correct the named argument.',
  },

  // --- document (CBOR, COSE, keysets, manifests, policies, beacons) ------------------------------
  'algorithm-unsupported': {
    area: 'document',
    cause: 'The document is signed with an algorithm that this version does not accept.',
    remedy: 'Sign it with Ed25519 (COSE algorithm -19).',
  },
  'beacon-ahead': {
    area: 'document',
    cause: 'The beacon was issued later than the clock of this device shows.',
    remedy:
      'Set the clock of the device. If it is right, find out who has the key: the beacon was not made at the time that it names.',
  },
  'beacon-replayed': {
    area: 'document',
    cause: 'The beacon is older than one that was accepted before.',
    remedy:
      'Publish again; if nobody did anything, somebody replays old messages: check the access rules of the broker.',
  },
  'beacon-stale': {
    area: 'document',
    cause: 'The beacon has expired: nobody has confirmed for a while what is current.',
    remedy:
      'Renew it: `tinylamp beacon renew`, or find out why the broker shows an old one. Inference goes on.',
  },
  'cbor-not-deterministic': {
    area: 'document',
    cause: 'The bytes are not the one spelling that deterministic CBOR allows.',
    remedy: 'Make the document with tinylamp, or with an encoder for RFC 8949, section 4.2.1.',
  },
  'cbor-too-large': {
    area: 'document',
    cause: 'The document is nested too deeply or has too many items.',
    remedy: 'Make the document smaller.',
  },
  'cbor-truncated': {
    area: 'document',
    cause: 'The document ends before its items do.',
    remedy: 'Publish it again, whole.',
  },
  'cbor-unsupported': {
    area: 'document',
    cause: 'The document holds something that signed documents never need.',
    remedy: 'Make the document with tinylamp.',
  },
  'cose-invalid': {
    area: 'document',
    cause: 'The bytes are no COSE message of the expected shape.',
    remedy: 'Make the document with tinylamp; the shape is in docs/wire.cddl.',
  },
  'document-conflict': {
    area: 'document',
    cause: 'Two documents with the same number say different things.',
    remedy:
      'Publish again, so that the next number decides. If you did not sign both, somebody has your keys: make new ones.',
  },
  'document-invalid': {
    area: 'document',
    cause: 'A field of a signed document is missing, unknown or not allowed.',
    remedy:
      'Build the document again with this version of tinylamp; the fields are in docs/wire.cddl.',
  },
  'document-superseded': {
    area: 'document',
    cause:
      'Documents of one topic came faster than they are looked at; only the newest of each second counted.',
    remedy: 'Find out who writes so often to this topic; only the operator may, and rarely does.',
  },
  'device-key-unreadable': {
    area: 'configuration',
    cause: 'The key of this device cannot be read.',
    remedy:
      'Check the permissions of the file. Where it is damaged, remove it: the device makes a new key, and its operator takes it with `tinylamp enrol ID --again`.',
  },
  'device-key-changed': {
    area: 'document',
    cause: 'The device names another key than the one that it is known by.',
    remedy:
      'Nothing that it signs is believed. Where its storage was replaced, take the new key with `tinylamp enrol ID --again`.',
  },
  'evidence-forged': {
    area: 'document',
    cause: 'The evidence is not signed by the device on whose topic it came.',
    remedy: 'It was not counted. Look who may write to the topics of the device.',
  },
  'evidence-of-another': {
    area: 'document',
    cause: 'The evidence is of another comparison.',
    remedy: 'Nothing needs to be done: it is what an earlier rollout left.',
  },
  'evidence-unreadable': {
    area: 'storage',
    cause: 'What the device had found out in a comparison cannot be read from its disk.',
    remedy:
      'Nothing needs to be done: the comparison begins anew on this device. Look at its disk where it comes again.',
  },
  'evidence-too-large': {
    area: 'document',
    cause: 'The evidence of a device is larger than its limit.',
    remedy: 'It was not counted. Look for a device that sends what no agent does.',
  },
  'document-too-large': {
    area: 'document',
    cause: 'The signed document is larger than any that is accepted.',
    remedy: 'Use fewer or larger blocks, or fewer artifacts.',
  },
  'document-type-mismatch': {
    area: 'document',
    cause: 'The document was signed as one of another type.',
    remedy:
      'Publish the right document under this topic; if nobody did, check the access rules of the broker.',
  },
  'key-revoked': {
    area: 'document',
    cause: 'The key that signed the document is revoked.',
    remedy: 'Sign with a key of the current keyset.',
  },
  'key-role-mismatch': {
    area: 'document',
    cause: 'The key that signed the document may not sign this.',
    remedy: 'Sign with a key that has the role, or give it the role in a new keyset.',
  },
  'key-unknown': {
    area: 'document',
    cause: 'The key that signed the document is not in the keyset of this device.',
    remedy:
      'If it is yours, give the device the right keyset (trust.keyset). If not, somebody else writes to the broker: check its access rules.',
  },
  'keyset-expired': {
    area: 'document',
    cause: 'The keyset is too old to believe anything new.',
    remedy: 'Make a new keyset; check the clock of the device.',
  },
  'keyset-foreign': {
    area: 'document',
    cause: 'The broker retains the keyset of another operator under the same prefix.',
    remedy:
      'Publish with the key folder that was used before, or under another --prefix. Devices of the other operator would refuse what these keys sign.',
  },
  'number-jump': {
    area: 'document',
    cause: 'The number of the document is further ahead than operators count.',
    remedy:
      'If you published it, renew the beacon, which must name it: `tinylamp beacon renew`. If not, somebody has your keys: make new ones.',
  },
  'policy-misplaced': {
    area: 'document',
    cause: 'The policy belongs to another slot.',
    remedy: 'Publish it again; policies cannot be moved between slots.',
  },
  'policy-outdated': {
    area: 'document',
    cause: 'The policy is older than the one that the beacon names.',
    remedy:
      'Put it right: `tinylamp beacon renew`. If the broker was not set back, somebody replays old messages: check its access rules.',
  },
  'policy-replayed': {
    area: 'document',
    cause: 'The policy is older than one that was accepted before.',
    remedy:
      'Publish again; if nobody did anything, somebody replays old messages: check the access rules of the broker.',
  },
  'published-elsewhere': {
    area: 'document',
    cause:
      'The broker shows a newer document that these keys have signed, and this key folder does not know of it.',
    remedy:
      'Use the folder that published it, if it is a copy of this one. If nobody did, the keys are in wrong hands: make new ones. --take-over goes on from its numbers.',
  },
  'release-file-invalid': {
    area: 'document',
    cause: 'The file is no release, or it was changed after it was built.',
    remedy: 'Build it again with `tinylamp release build`.',
  },
  'signature-invalid': {
    area: 'document',
    cause: 'The signature does not hold: the document was changed, or never signed by this key.',
    remedy:
      'Publish it again. If it happens again, somebody changes messages: check the access rules of the broker.',
  },

  // --- update ------------------------------------------------------------------------------------
  'capture-off': {
    area: 'update',
    cause: 'The device keeps no windows of this slot.',
    remedy: 'Give slots.<name>.capture.bytesPerDay in its configuration, and start it again.',
  },
  'command-busy': {
    area: 'update',
    cause: 'The device answers another command, or commands come faster than it looks at them.',
    remedy: 'Ask again in a while. One device answers one command at a time.',
  },
  'command-expired': {
    area: 'update',
    cause: 'By the time of the device a command has ended, or ends more than an hour from now.',
    remedy: 'Ask again, and compare the clocks of the device and of whoever asks.',
  },
  'command-misplaced': {
    area: 'update',
    cause: 'A command is for another device, or for a slot that this device does not have.',
    remedy: 'Nothing on the device: it was not answered. Look for who publishes it there.',
  },
  'command-repeated': {
    area: 'update',
    cause: 'A command came again: it is answered once.',
    remedy: 'Nothing: MQTT may deliver it twice. Where it goes on, look for who replays it.',
  },
  'agent-too-old': {
    area: 'update',
    cause: 'The release wants a newer agent than this one.',
    remedy: 'Update the agent on this device, or build the release for an older one.',
  },
  'block-invalid': {
    area: 'update',
    cause: 'A retained block is not the one that the manifest names: its hash differs.',
    remedy:
      "Publish the release again; if it happens twice, something else writes to the block topics, so check the broker's access rules.",
  },
  'block-missing': {
    area: 'update',
    cause: 'The broker retains no block under the topic that the manifest names.',
    remedy: 'Publish the release again; the device tries again by itself.',
  },
  'budget-exceeded': {
    area: 'update',
    cause: 'The release needs more memory, storage or time than its slot allows.',
    remedy:
      "Build a smaller release, or raise the slot's limits in the configuration of the device.",
  },
  'comparison-impossible': {
    area: 'update',
    cause:
      'The release is to be compared with one that sees other windows: of another number of values, or of pictures that are resized otherwise.',
    remedy:
      'Build it with the window of the champion, its resize too, or let it serve without a comparison.',
  },
  'deadlines-missed': {
    area: 'update',
    cause: 'The release missed its deadline more often than the champion did over the same time.',
    remedy:
      'Use a faster model, or build the release on a machine that is not faster than the gateway by so much.',
  },
  'epoch-below-floor': {
    area: 'update',
    cause: 'The release belongs to a security epoch that is closed.',
    remedy: 'Build it again with the present security epoch.',
  },
  'factory-serving': {
    area: 'update',
    cause: 'There is no committed release that can be loaded, so that the factory release serves.',
    remedy:
      'Publish a release to the device, or let it reach its broker: it is replaced as soon as that is installed.',
  },
  'image-damaged': {
    area: 'update',
    cause: 'A file of a release on this device is not what it was when it was stored.',
    remedy: 'Nothing: it is fetched again. If it happens often, replace the storage of the device.',
  },
  'image-digest-mismatch': {
    area: 'update',
    cause: 'All blocks were right, but together they are not what the manifest names.',
    remedy: 'Build and publish the release again.',
  },
  'image-missing': {
    area: 'update',
    cause: 'A file of a release is not on this device any more.',
    remedy: 'Nothing: it is fetched again.',
  },
  'manifest-digest-mismatch': {
    area: 'update',
    cause: 'The retained manifest is not the one that the policy names.',
    remedy: 'Publish the release again, so that manifest and policy agree.',
  },
  'manifest-misplaced': {
    area: 'update',
    cause: 'The manifest names another slot or sequence number than its topic.',
    remedy: 'Publish the release again; manifests cannot be moved between slots.',
  },
  'manifest-missing': {
    area: 'update',
    cause: 'The broker retains no manifest under the topic that the policy names.',
    remedy: 'Publish the release again; the device tries again by itself.',
  },
  'offer-withdrawn': {
    area: 'update',
    cause: 'A newer policy names another release before this one was committed.',
    remedy: 'Nothing: the newer one is brought in.',
  },
  'pipeline-mismatch': {
    area: 'update',
    cause: 'Window, models and labels of the release do not fit together.',
    remedy: 'Correct the pipeline file and build the release again.',
  },
  'release-expired': {
    area: 'update',
    cause: 'The time in which the release may be installed is over.',
    remedy: 'Build it again with a later end.',
  },
  'release-not-yet-valid': {
    area: 'update',
    cause: 'The time in which the release may be installed has not begun.',
    remedy: 'Wait, or check the clock of the device.',
  },
  'release-rejected-before': {
    area: 'update',
    cause: 'This device has refused the same release before.',
    remedy: 'Mend it and build it again: it gets a new sequence number and is tried anew.',
  },
  'self-test-mismatch': {
    area: 'update',
    cause: 'On this device the model does not give the outputs that the release promises.',
    remedy: 'Build the release again from the model that is meant; do not edit self-test vectors.',
  },
  'sequence-below-current': {
    area: 'update',
    cause: 'The release is older than the one that runs.',
    remedy:
      'Build it again: it gets a higher sequence number. To go back, name the previous release.',
  },
  'sequence-below-floor': {
    area: 'update',
    cause: 'The release is older than one that was promoted for good.',
    remedy: 'Build it again: it gets a higher sequence number.',
  },
  'sequence-reused': {
    area: 'update',
    cause: 'Another release with the same sequence number runs already.',
    remedy: 'Build it again: it gets a higher sequence number.',
  },
  'state-from-later-version': {
    area: 'update',
    cause:
      'A later version of the agent has written the state record, and this one does not understand it.',
    remedy:
      'Install that version again: nothing was changed. To begin anew with this one, and without the floors of old releases, empty stateDir.',
  },
  'state-lost': {
    area: 'update',
    cause: 'Both copies of the state record are damaged: the device has forgotten what it ran.',
    remedy:
      'Nothing: it installs what the policy names. If it happens again, replace the storage of the device.',
  },
  'target-mismatch': {
    area: 'update',
    cause: 'The release is meant for other devices.',
    remedy: 'Nothing, or correct the target of the release or the labels of the device.',
  },
  'transfer-unsupported': {
    area: 'update',
    cause: 'The release offers no transfer that this agent can use.',
    remedy: 'Build it with a full transfer over MQTT, or update the agent.',
  },
  'trial-attempts-exceeded': {
    area: 'update',
    cause:
      'The models of the release were loaded several times, and each time the device was started anew before they answered.',
    remedy:
      'Look for what ended the process: the model may take too much memory. Mend it and build it again.',
  },
  'trial-starved': {
    area: 'update',
    cause: 'The soak of a trial is over, and too few windows came to judge the release by.',
    remedy:
      'See to it that samples arrive: the trial goes on until it has enough, and the champion stays at hand.',
  },
  'window-dropped': {
    area: 'update',
    cause: 'A window got no answer: it waited too long, others took its room, or its model failed.',
    remedy: 'Use a faster model, a longer stride, or a faster device.',
  },

  // --- engine ------------------------------------------------------------------------------------
  'model-truncated': {
    area: 'engine',
    cause: 'The model file ends before its tables do.',
    remedy: 'Copy or convert the model again.',
    engine: 1,
  },
  'model-not-tflite': {
    area: 'engine',
    cause: 'The file is no TensorFlow Lite model.',
    remedy: 'Give a .tflite file.',
    engine: 2,
  },
  'model-version-unsupported': {
    area: 'engine',
    cause: 'The model has another schema version than 3.',
    remedy: 'Convert it with a current TensorFlow.',
    engine: 3,
  },
  'model-malformed': {
    area: 'engine',
    cause: 'The file contradicts the FlatBuffers encoding.',
    remedy: 'Copy or convert the model again; do not edit it.',
    engine: 4,
  },
  'model-too-large': {
    area: 'engine',
    cause:
      'The model has more bytes, tensors, operators, scales or dimensions than the core accepts.',
    remedy: 'Use a smaller model.',
    engine: 5,
  },
  'model-too-heavy': {
    area: 'engine',
    cause: 'One inference needs more work than fits the time between two windows.',
    remedy: 'Use a smaller model, or raise limits.periodMs of the slot.',
    engine: 6,
  },
  'feature-unsupported': {
    area: 'engine',
    cause:
      'The model uses sparse tensors, external buffers, compression or an offline memory plan.',
    remedy: 'Convert it without.',
    engine: 7,
  },
  'index-invalid': {
    area: 'engine',
    cause: 'The model names a tensor, buffer, subgraph or operator code that it does not have.',
    remedy: 'Convert the model again; do not edit it.',
    engine: 8,
  },
  'shape-invalid': {
    area: 'engine',
    cause:
      'A dimension of a tensor is negative, or 0 where it cannot be, or there are too many elements.',
    remedy: 'Convert the model with fixed shapes.',
    engine: 9,
  },
  'buffer-invalid': {
    area: 'engine',
    cause: 'A constant has not as many bytes as its shape and type need.',
    remedy: 'Convert the model again; do not edit it.',
    engine: 10,
  },
  'quantisation-invalid': {
    area: 'engine',
    cause: 'A scale or zero point is missing, out of range, or of the wrong count.',
    remedy: 'Quantise the model again.',
    engine: 11,
  },
  'graph-invalid': {
    area: 'engine',
    cause:
      'A tensor is read before it is written, or written twice, or subgraphs call each other in a circle.',
    remedy: 'Convert the model again; do not edit it.',
    engine: 12,
  },
  'operator-unsupported': {
    area: 'engine',
    cause: 'The core has no kernel for an operator of the model.',
    remedy:
      'Replace the operator, or convert the model with other options: wasm/README.md lists what runs. What was compiled for an accelerator needs its original file.',
    engine: 13,
  },
  'type-unsupported': {
    area: 'engine',
    cause: 'A kernel does not take these element types.',
    remedy:
      'Quantise the model to int8, or leave it in float32; the message tells which types go together.',
    engine: 14,
  },
  'operator-invalid': {
    area: 'engine',
    cause: 'The tensors or attributes of an operator contradict its definition.',
    remedy: 'Convert the model again; do not edit it.',
    engine: 15,
  },
  'arena-too-small': {
    area: 'engine',
    cause: 'Activations and scratch buffers need more than is allowed.',
    remedy: 'Use a smaller model, or raise limits.arenaBytes of the slot.',
    engine: 16,
  },
  'memory-exhausted': {
    area: 'engine',
    cause: 'There is not enough memory for the model.',
    remedy: 'Use a smaller model, or give the gateway more memory.',
    engine: 17,
  },
  'call-invalid': {
    area: 'engine',
    cause: 'A call to the core named an interpreter or tensor that does not exist.',
    remedy: 'Report this as a bug of tinylamp.',
    engine: 18,
  },
  'engine-internal': {
    area: 'engine',
    cause: 'The core broke a promise to itself.',
    remedy: 'Report this as a bug of tinylamp, with the model.',
    engine: 19,
  },
  'work-exceeded': {
    area: 'engine',
    cause: 'A loop of the model went round more often than the work of an inference allows.',
    remedy: 'Bound the loop of the model, or use a smaller one.',
    engine: 20,
  },
  'batch-unsupported': {
    area: 'engine',
    cause:
      'The model keeps state between inferences or calls subgraphs: its inferences cannot go step by step together.',
    remedy: 'Run them one after the other, with an interpreter for each stream of inputs.',
    engine: 21,
  },
  'engine-trapped': {
    area: 'engine',
    cause: 'The instance of the model trapped.',
    remedy: 'Nothing: a fresh instance is made. Report it as a bug of tinylamp, with the model.',
  },
  'engine-deadline': {
    area: 'engine',
    cause: 'The model did not answer within its deadline.',
    remedy:
      'Use a faster model, or build the release on a machine that is not faster than the gateway by so much.',
  },
  'engine-unavailable': {
    area: 'engine',
    cause:
      'This device cannot make an instance of a model now: it has no memory or no thread for it.',
    remedy: 'Nothing: it is tried again. If it happens often, free memory on the gateway.',
  },
  'engine-gone': {
    area: 'engine',
    cause: 'The worker of the model has ended.',
    remedy: 'Nothing: a fresh one is made. If it happens again, the model takes too much memory.',
  },

  // --- input -------------------------------------------------------------------------------------
  'label-invalid': {
    area: 'input',
    cause: 'A message does not hold the true label of a window.',
    remedy:
      'Send {"boot": …, "window": …, "label": name of the class}, with boot and window of the result.',
  },
  'label-boot-unknown': {
    area: 'input',
    cause: 'A true label is of a window from another start of the device.',
    remedy:
      'Send boot and window as the result has them; labels that come after a restart are lost.',
  },
  'label-class-unknown': {
    area: 'input',
    cause: 'A true label names no class of the release that answered the window.',
    remedy:
      'Spell it as the labels of the release do, letter by letter; by index where it has none.',
  },
  'label-contradictory': {
    area: 'input',
    cause: 'A window that has a true label was given another one; the first counts.',
    remedy:
      'Find out why whoever sends the labels changes its mind, and send a label once it is sure.',
  },
  'label-late': {
    area: 'input',
    cause: 'A true label came when the answer to its window was forgotten already.',
    remedy: 'Send labels sooner: a device remembers its last 4,096 answers of a slot.',
  },
  'label-repeated': {
    area: 'input',
    cause: 'A true label came again; it counts once.',
    remedy: 'Nothing: MQTT may deliver a message twice. Where they are many, send each label once.',
  },
  'label-window-unknown': {
    area: 'input',
    cause: 'A true label is of a window that has no answer: it was dropped, or never was.',
    remedy: 'Send boot and window as the result has them.',
  },
  'sample-invalid': {
    area: 'input',
    cause: 'A message of the source does not hold the samples that were expected.',
    remedy: 'Correct the source, or decode, fields and element in the configuration of the slot.',
  },
  'source-gap': {
    area: 'input',
    cause: 'Samples were missing in the middle of a window; what was gathered of it is given up.',
    remedy:
      'Nothing where it is seldom. Where samples always come so far apart, set gapMs of the source, or limits.periodMs to the time between two windows.',
  },
  'source-limit-exceeded': {
    area: 'input',
    cause: 'A message with what the release needs is larger than its source ever reads.',
    remedy: 'Raise maxBytes of the source, or build a release with smaller windows.',
  },
  'source-mismatch': {
    area: 'input',
    cause:
      'The source of the slot does not give what the release takes: other channels, another sample rate, or other pictures.',
    remedy:
      'Build the release for what the source gives, or correct decode, fields and element of the source.',
  },
  'source-silent': {
    area: 'input',
    cause: 'The source of a slot says nothing.',
    remedy:
      'Check the sensor, and the topic in the configuration of the slot letter by letter. Where it speaks less often, set silentAfterMs of the source.',
  },
  'input-changed': {
    area: 'input',
    cause:
      'The samples of a slot are not what they were when the device was commissioned. This says nothing about the model.',
    remedy:
      'Look at machine, sensor and mounting, and get true labels for some windows. Where it is to stay like this, raise slots.<name>.drift.commission: the device then learns anew what is normal.',
  },
  'decoder-behind': {
    area: 'input',
    cause: 'Pictures or sounds come faster than this device decodes them; the latest is left out.',
    remedy: 'Send fewer or smaller ones.',
  },
  'decoder-gone': {
    area: 'input',
    cause:
      'The thread that decodes a picture or a sound has died of it. The next one has a new thread.',
    remedy: 'Look at what was sent: it is damaged, or made to harm.',
  },
  'decoder-late': {
    area: 'input',
    cause:
      'A picture or a sound was not decoded in time, and was given up. The next one has a new thread.',
    remedy: 'Send smaller ones, or look at what was sent: it may be made to harm.',
  },
  'sound-invalid': {
    area: 'input',
    cause: 'The bytes are no sound that can be decoded, or it is too long.',
    remedy: 'Send an uncompressed WAV, as the message says.',
  },
  'picture-invalid': {
    area: 'input',
    cause: 'The bytes are no picture that can be decoded, or it is too large.',
    remedy:
      'Send an uncompressed BMP, a PNG or a JPEG, as decode of the source says, of the size that the model takes.',
  },
  'input-size-mismatch': {
    area: 'input',
    cause: 'The input has not as many bytes as the model takes.',
    remedy: 'Give all input tensors one after the other, as `tinylamp inspect` lists them.',
  },

  // --- configuration -----------------------------------------------------------------------------
  'configuration-invalid': {
    area: 'configuration',
    cause: 'The configuration has a key or value that is not allowed.',
    remedy: 'Correct the named key; docs/configuration.md lists all of them.',
  },
  'schedule-invalid': {
    area: 'configuration',
    cause: 'The text is no cron expression.',
    remedy: 'Use five or six fields, such as "* * * * *" for every minute.',
  },
  'state-dir-in-use': {
    area: 'configuration',
    cause: 'Another agent runs with the same state directory.',
    remedy: 'End the other agent, or give each its own stateDir.',
  },
  'topic-invalid': {
    area: 'configuration',
    cause: 'The text cannot be part of a topic.',
    remedy: 'Device ids take A-Z a-z 0-9 _ -, slots a-z 0-9 _ -, and no wildcards anywhere.',
  },

  // --- transport ---------------------------------------------------------------------------------
  'session-unanswered': {
    area: 'transport',
    cause: 'The broker does not answer a message or a subscription; a new session is begun.',
    remedy: 'Read the log of the broker: it may be overloaded, or wait for another node.',
  },
  'capture-incomplete': {
    area: 'transport',
    cause: 'Not all windows of a device came. Nothing was written.',
    remedy: 'Try again with more time (--timeout), or leave the device out (--device).',
  },
  'command-unanswered': {
    area: 'transport',
    cause: 'A device did not answer a command in time, or not with its own signature.',
    remedy:
      'See whether it is online (`tinylamp watch`), may read its commands and write its responses at the broker, and has its key of the roster; its log says what it refused.',
  },
  'device-silent': {
    area: 'transport',
    cause: 'The broker holds no state of the device.',
    remedy: 'Wait until the device has connected once, and check prefix and access rules.',
  },
  'broker-unreachable': {
    area: 'transport',
    cause: 'The broker cannot be reached.',
    remedy: 'Check that it runs, its address, and the network; the agent tries again by itself.',
  },
  'credentials-refused': {
    area: 'transport',
    cause: 'The broker does not accept the user name or the password.',
    remedy: 'Correct mqtt.username and mqtt.passwordFile.',
  },
  'connection-refused': {
    area: 'transport',
    cause: 'The broker refuses the session.',
    remedy: 'Read the log of the broker: it knows why.',
  },
  'not-authorised': {
    area: 'transport',
    cause: 'The broker does not allow this device to connect.',
    remedy: 'Give the device its access rules at the broker.',
  },
  'message-too-large': {
    area: 'transport',
    cause: 'A message is larger than is read on its topic, and was skipped.',
    remedy:
      'Publish less at a time, or raise slots.<name>.source.maxBytes where it is a sample; nothing else of tinylamp is larger than 128 KiB.',
  },
  'packet-invalid': {
    area: 'transport',
    cause: 'What answers at the address of the broker sends something that is not MQTT.',
    remedy: 'Check mqtt.url: is it the port of the broker, and mqtts:// where it wants TLS?',
  },
  'packet-too-large': {
    area: 'transport',
    cause: 'The broker sent a packet over the limit; the session was ended before it was read.',
    remedy: 'Read the log of the broker: nothing but messages can be so large.',
  },
  'protocol-unsupported': {
    area: 'transport',
    cause: 'The broker speaks none of the allowed versions of MQTT.',
    remedy: 'Set mqtt.protocol to auto, or use a broker for MQTT 3.1.1 or 5.',
  },
  'session-ended': {
    area: 'transport',
    cause: 'The session with the broker has ended.',
    remedy: 'Nothing: the agent connects again by itself.',
  },
  'session-taken-over': {
    area: 'transport',
    cause: 'Another client has connected with the same client id.',
    remedy: 'Give each device its own id; two with one id throw each other out.',
  },
  'spool-full': {
    area: 'transport',
    cause: 'Too much was waiting for a session; the oldest messages were dropped.',
    remedy: 'Find out why there is no session, or raise limits.spoolBytes.',
  },
  'subscription-refused': {
    area: 'transport',
    cause: 'The broker does not allow the device to read a topic, or ends the session over it.',
    remedy: 'Allow it: docs/broker.md has the access rules. The device tries again by itself.',
  },
  'publish-refused': {
    area: 'transport',
    cause: 'The broker does not accept a message, or ends the session over it.',
    remedy:
      'Allow its topic: docs/broker.md has the access rules. The device tries again by itself.',
  },
  'tls-failed': {
    area: 'transport',
    cause: 'The broker and the device cannot agree on TLS.',
    remedy: 'Check mqtt.tls.ca, the name in the certificate, and the clock of the device.',
  },

  // --- storage -----------------------------------------------------------------------------------
  'file-too-large': {
    area: 'storage',
    cause: 'A file is larger than it can be.',
    remedy: 'Remove it: it is not what the agent wrote.',
  },
  'file-misplaced': {
    area: 'storage',
    cause: 'A link, a folder or a device is where a file of the agent should be.',
    remedy: 'Move it out of stateDir: the agent follows no links in there.',
  },
  'storage-failed': {
    area: 'storage',
    cause: 'The disk does not do what it should.',
    remedy: 'Look at the log of the system: the storage may be at its end.',
  },
  'storage-full': {
    area: 'storage',
    cause: 'There is no room left.',
    remedy: 'Free some, or raise limits.storageBytes.',
  },
} as const satisfies Record<string, CodeEntry>;

/** The name of a code. */
export type Code = keyof typeof codes;
