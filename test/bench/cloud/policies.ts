// The policies of units and of claim certificates, as documents that can be put into AWS as they are
// (with the account's own number). Pure.
import type { PolicyDocument } from './mqtt/policy.ts';

const ARN = 'arn:aws:iot:eu-central-1:123456789012:';
const THING = '${iot:Connection.Thing.ThingName}';
/** HTTPS knows no thing (thing-policy-variables), only the certificate's own name. */
const NAME = '${iot:Certificate.Subject.CommonName}';

/**
 * A unit: its own topics, named shadows and jobs, only with its own name as client id.
 * It may renew its certificate over its own connection, with this one template. A policy cannot say for
 * whom it registers: the pre-provisioning hook must refuse a serial that is not of its client id.
 * The last statement is for HTTPS; it is safe only if the pre-provisioning hook refuses a
 * certificate whose common name is not the thing's, since the request's sender chooses that name.
 */
export function unitPolicy(template = 'clock-unit'): PolicyDocument {
  const renewal = renewalTopics(template);
  const own = [
    `clock/v1/${THING}/*`,
    `$aws/things/${THING}/shadow/name/*`,
    `$aws/things/${THING}/jobs/*`,
  ];
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: 'iot:Connect',
        Resource: `${ARN}client/${THING}`,
        Condition: { Bool: { 'iot:Connection.Thing.IsAttached': 'true' } },
      },
      {
        Effect: 'Allow',
        Action: ['iot:Publish', 'iot:Receive'],
        Resource: [
          ...own.map((topic) => `${ARN}topic/${topic}`),
          ...renewal.flatMap((topic) => [`${ARN}topic/${topic}`, `${ARN}topic/${topic}/*`]),
        ],
      },
      {
        Effect: 'Allow',
        Action: 'iot:Subscribe',
        Resource: [
          ...own.map((topic) => `${ARN}topicfilter/${topic}`),
          ...renewal.map((topic) => `${ARN}topicfilter/${topic}/*`),
        ],
      },
      { Effect: 'Allow', Action: 'iot:Publish', Resource: `${ARN}topic/clock/v1/${NAME}/event/*` },
    ],
  };
}

/** A certificate for a request, and its registration (page fleet-provision-api). */
const renewalTopics = (template: string): readonly string[] => [
  '$aws/certificates/create-from-csr/json',
  `$aws/provisioning-templates/${template}/provision/json`,
];

/** A claim: ask for a certificate, register with this one template, nothing else. */
export function claimPolicy(template: string): PolicyDocument {
  const own = renewalTopics(template);
  return {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: 'iot:Connect', Resource: `${ARN}client/*` },
      {
        Effect: 'Allow',
        Action: ['iot:Publish', 'iot:Receive'],
        Resource: own.flatMap((topic) => [`${ARN}topic/${topic}`, `${ARN}topic/${topic}/*`]),
      },
      {
        Effect: 'Allow',
        Action: 'iot:Subscribe',
        Resource: own.map((topic) => `${ARN}topicfilter/${topic}/*`),
      },
    ],
  };
}
