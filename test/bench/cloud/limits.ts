// The numbers of AWS IoT Core, each from the page that gives it. A test may change them; nothing else
// in the double holds a number of AWS's.
// `quotas` is https://docs.aws.amazon.com/general/latest/gr/iot-core.html, other names are pages of the
// developer guide, https://docs.aws.amazon.com/iot/latest/developerguide/<page>.html.

const HOUR_MS = 3_600_000;

export const AWS_LIMITS = {
  /** quotas: "Publish request message size" and "CONNECT packet size": 128 KB. */
  payloadBytesMax: 128 * 1024,
  /** quotas: topic of 256 bytes of UTF-8, for publishing as for subscribing. */
  topicBytesMax: 256,
  /** quotas: 7 forward slashes; the first three segments of basic ingest do not count. */
  topicSlashesMax: 7,
  /** quotas: client id of 128 bytes; `$` is reserved (page mqtt). */
  clientIdBytesMax: 128,
  /** quotas: "Maximum number of subscriptions in one SUBSCRIBE". */
  filtersPerSubscribeMax: 8,
  /** quotas: "Subscriptions per connection". */
  subscriptionsMax: 50,
  /** quotas: "Publish requests per second per connection", each direction; more is discarded. */
  publishesPerSecondMax: 100,
  /** quotas: "Throughput per second per connection"; more is delayed. */
  bytesPerSecondMax: 512 * 1024,
  /** quotas: "Maximum inbound unacknowledged QoS 1 publish requests", and outbound. */
  unacknowledgedMax: 100,
  /** quotas: "Connect requests per second per client ID". */
  connectIntervalMs: 1_000,
  /** quotas: a keep-alive below this counts as this. */
  keepAliveSecondsMin: 30,
  /** quotas: a keep-alive above this, or none, counts as this. */
  keepAliveSecondsMax: 1_200,
  /** mqtt: no CONNECT after the handshake within this time closes the connection (to check). */
  connectTimeoutMs: 30_000,
  /** mqtt, quotas: "Persistent session expiry period". */
  sessionExpiryMs: HOUR_MS,
  /** quotas: "Queued messages delivered per second" on resume. */
  storedPerSecondMax: 10,
  /** quotas: the broker retries an unacknowledged QoS 1 message for an hour. */
  redeliverForMs: HOUR_MS,
  /** Not published. Seconds, so that a client that never acknowledges sees it. */
  redeliverEveryMs: 10_000,
  /** provision-wo-cert: ownership token and unregistered certificate live an hour. */
  ownershipTokenMs: HOUR_MS,
  /** quotas: shadow document; state beyond it is answered with 413. */
  shadowBytesMax: 8 * 1024,
  /** quotas: "Maximum depth of JSON device state documents": 8. */
  shadowDepthMax: 8,
  /** quotas: shadow name of 64 bytes. */
  shadowNameBytesMax: 64,
  /** quotas: "Maximum number of in-flight, unacknowledged messages per thing": 429 beyond. */
  shadowInFlightMax: 10,
  /** quotas: "Requests per second per device shadow" of a thing. */
  shadowRequestsPerSecondMax: 20,
  /** device-shadow-data-flow: the version of a deleted shadow is kept for two days. */
  shadowVersionKeptMs: 48 * HOUR_MS,
  /** quotas: job document of 32 KB. */
  jobDocumentBytesMax: 32 * 1024,
  /** jobs-api: statusDetails has up to 10 pairs, a value 1,024 characters, a name 128. */
  statusDetailsMax: 10,
  statusDetailCharsMax: 1_024,
  /** jobs-configurations: stepTimeoutInMinutes from 1 to 7 days. */
  stepTimeoutMinutesMax: 10_080,
  /** quotas: policy document without blanks. */
  policyCharsMax: 2_048,

  // Ours, not AWS's: the double is bounded.
  /** Messages, lifecycle events and notes kept for tests and people. */
  historyMax: 5_000,
  /** Things, certificates and sessions; far above any test. */
  registryMax: 10_000,
  /** Connections at once. */
  connectionsMax: 1_000,
  /** QoS 1 messages stored for one absent client. */
  storedMax: 10_000,
};

export type Limits = typeof AWS_LIMITS;
