/** Every bound of the agent core in one place. What is checked against them comes from outside. */
export const limits = {
  /** An MQTT packet; larger ones end the session (design, section 5). */
  packetBytes: 131_072,
  /** A signed document with its envelope; it must fit a packet (128 KiB) with room for its topic. */
  envelopeBytes: 98_304,
  /** What a release file has besides its artifacts: the signed manifest, and what keeps its parts apart. */
  releaseFileBytes: 131_072,
  /** Nesting of arrays, maps and tags in a signed document. */
  cborDepth: 8,
  /** Items of all kinds in a signed document. */
  cborItems: 4_096,
  /** A message of a device to the operator, and its items of all kinds: a report has many small counts. */
  deviceMessageBytes: 65_536,
  plainCborItems: 32_768,
  /** Nesting of objects and arrays in JSON from outside, and its values. */
  jsonDepth: 16,
  jsonValues: 32_768,
  /** Texts for people, such as names and versions. */
  textBytes: 256,
  /** Words about a refusal: they may quote what came from outside, and travel in an event. */
  detailLength: 512,
  artifacts: 16,
  /** One artifact. The slot of a device allows less. */
  artifactBytes: 16_777_216,
  /** Blocks of a transfer: small enough for any broker's packet limit, large enough to be few. */
  blockBytesLeast: 4_096,
  blockBytesMost: 65_536,
  transfers: 8,
  models: 4,
  /** Frames times channels of a window. */
  windowValues: 1_048_576,
  /** Slices of a window: as often a front end runs for one answer. */
  slices: 1_024,
  /** Frames of a slice, and bands, where features are log-mel. */
  logMelFrames: 4_096,
  melBands: 256,
  /** Answers whose scores are averaged. */
  averagedAnswers: 64,
  arms: 16,
  keys: 32,
  signatures: 16,
  selfTestVectors: 64,
  /** Blocks that are subscribed at a time (design, section 5). */
  blockWindow: 4,
  /** A block, or a manifest, is missing where nothing at all has come for so long after its SUBACK … */
  blockTimeoutMs: 10_000,
  /** … or nothing but small messages for so long; and how often that is looked at. */
  blockPatienceMs: 15_000,
  trafficPollMs: 2_500,
  /** Blocks that did not come, and whose topics stay subscribed while others are asked for. */
  overdueBlocks: 16,
  /** Blocks that one message of a device asks for. */
  wantedBlocks: 64,
  /** How long a session waits for the beacon before it acts on a policy. */
  beaconWaitMs: 10_000,
  /** How far a beacon may be ahead of a clock that is right. */
  beaconAheadMs: 86_400_000,
  /** A clock that shows an earlier time is wrong: 2025-01-01, before this agent was written. */
  earliestWallMs: 1_735_689_600_000,
  /** How often a file is tried that the disk fails to read, and the pause in between. */
  readAttempts: 5,
  readPauseMs: 1_000,
  /** Between two looks whether the files of the device are there still. */
  filesCheckMs: 60_000,
  /** How long a start waits for one copy of the state record that cannot be read, where the other is whole. */
  otherCopyPatienceMs: 60_000,
  /** Verifying a model and making an instance of it. */
  loadDeadlineMs: 10_000,
  /** Times that the models of a candidate are loaded without proving themselves before it is given up. */
  trialAttempts: 3,
  /** Between two tries to write down that a trial was passed. */
  commitPauseMs: 5_000,
  /** The longest soak, a month, and the most inferences that a policy can demand of a trial. */
  soakMs: 30 * 86_400_000,
  trialInferences: 1_000_000_000,
  /** The longest comparison in the shadow that a policy can demand. */
  shadowWindows: 1_000_000,
  /** Evidence of one comparison, or a message of disagreements, as it is carried. */
  evidenceBytes: 8_192,
  /** Blocks of one list of evidence, and versions of the policy that they come from. */
  evidenceBlocks: 256,
  evidencePolicies: 32,
  /** Compared windows of one block: more is not counted into it. */
  blockWindows: 65_535,
  /** Windows of a turn: a pair of turns must fit what a device keeps for labels. */
  turnWindows: 500,
  /** Devices that a rollout can be about. */
  rolloutDevices: 1_000_000,
  /** Disagreements in one message. */
  disagreements: 16,
  /** Windows of a slot that wait for their answers: values, and what each takes beside them. */
  pendingBytes: 33_554_432,
  /** So many may wait, however late they are; beyond, those of one message wait for as many periods as they are. */
  pendingFew: 8,
  /** A file of evidence that `rollout judge` reads: 10,000 devices with 256 blocks each take half of it. */
  evidenceFileBytes: 67_108_864,
  /** A message with the true label of a window. */
  labelBytes: 1_024,
  /** What an operator asks of a device, the windows that it names, and how far ahead it may end. */
  commandBytes: 4_096,
  commandWindows: 64,
  commandAheadMs: 3_600_000,
  /** Commands that a device remembers until they end. */
  commandsRemembered: 1_024,
  /** One part of an answer without its signature, its items, and the parts of an answer. */
  responseBytes: 65_024,
  responseItems: 200,
  responseParts: 8_192,
  /** A captured window as it is kept and fetched: its samples, and what was said of it. */
  captureFileBytes: 4_202_496,
} as const;
