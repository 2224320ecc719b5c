// Topics and topic filters with AWS's rules. Pure.
import type { Limits } from '../limits.ts';

/**
 * Whether a filter matches a topic: MQTT 3.1.1 section 4.7, but as AWS does it `a/#` does not match
 * `a` (page mqtt, "AWS IoT differences from MQTT specifications").
 */
export function matches(filter: string, topic: string): boolean {
  const wanted = filter.split('/');
  const given = topic.split('/');
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false;
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return given.length > index;
    if (given[index] === undefined) return false;
    if (level !== '+' && level !== given[index]) return false;
  }
  return wanted.length === given.length;
}

/** What is wrong with a topic to publish on, else undefined. */
export function topicProblem(topic: string, limits: Limits): string | undefined {
  if (/[+#]/.test(topic)) return 'a wildcard in a topic';
  return lengthProblem(topic, limits);
}

/** What is wrong with a filter to subscribe to, else undefined. */
export function filterProblem(filter: string, limits: Limits): string | undefined {
  const levels = filter.split('/');
  const isMisplaced = levels.some(
    (level, index) =>
      (level.includes('#') && (level !== '#' || index !== levels.length - 1)) ||
      (level.includes('+') && level !== '+'),
  );
  if (isMisplaced) return 'a misplaced wildcard';
  if (filter.startsWith('$aws/rules/')) return 'basic ingest cannot be subscribed to';
  if (filter.startsWith('$share/')) return 'shared subscriptions are not part of this double';
  return lengthProblem(filter, limits);
}

/** Quotas: 256 bytes, 7 slashes; page iot-basic-ingest: its first three segments do not count. */
function lengthProblem(
  topic: string,
  { topicBytesMax, topicSlashesMax }: Limits,
): string | undefined {
  if (topic === '' || topic.includes('\0') || topic.includes('\uFFFD')) return 'not a topic';
  const counted = topic.replace(/^\$aws\/rules\/[^/]+\//, '');
  if (Buffer.byteLength(counted) > topicBytesMax) return `more than ${topicBytesMax} bytes`;
  if (counted.split('/').length - 1 > topicSlashesMax)
    return `more than ${topicSlashesMax} slashes`;
  return undefined;
}

/**
 * Topics under `$` that a client may publish on (page reserved-topics, "Client operations allowed").
 * Answers and notifications are for subscribing only; everything else under `$` is refused.
 */
const PUBLISHABLE = [
  /^\$aws\/certificates\/create(-from-csr)?\/(json|cbor)$/,
  /^\$aws\/provisioning-templates\/[^/]+\/provision\/(json|cbor)$/,
  /^\$aws\/things\/[^/]+\/shadow\/(name\/[^/]+\/)?(get|update|delete)$/,
  /^\$aws\/things\/[^/]+\/jobs\/(get|start-next)$/,
  /^\$aws\/things\/[^/]+\/jobs\/[^/]+\/(get|update)$/,
  /^\$aws\/things\/[^/]+\/streams\/[^/]+\/(describe|get)\/(json|cbor)$/,
  /^\$aws\/things\/[^/]+\/defender\/metrics\/(json|cbor)$/,
  /^\$aws\/rules\/[^/]+\/.+$/,
];

export function isPublishable(topic: string): boolean {
  return !topic.startsWith('$') || PUBLISHABLE.some((form) => form.test(topic));
}
