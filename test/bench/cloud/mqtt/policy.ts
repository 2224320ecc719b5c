// AWS IoT policies: the documents themselves, and what they allow. Pure.
// Pages iot-policies, iot-policy-actions, iot-action-resources, pub-sub-policy, thing-policy-variables.

export interface PolicyDocument {
  readonly Version: '2012-10-17';
  readonly Statement: readonly Statement[];
}

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  /** The double knows this one condition; any other is an error, not ignored. */
  readonly Condition?: {
    readonly Bool: { readonly 'iot:Connection.Thing.IsAttached': 'true' | readonly string[] };
  };
}

export type Action =
  | { readonly action: 'iot:Connect'; readonly client: string }
  | { readonly action: 'iot:Publish' | 'iot:RetainPublish' | 'iot:Receive'; readonly topic: string }
  | { readonly action: 'iot:Subscribe'; readonly filter: string }
  | {
      readonly action: 'iot:GetThingShadow' | 'iot:UpdateThingShadow' | 'iot:DeleteThingShadow';
      readonly thing: string;
    };

/** Who asks. */
export interface Principal {
  /** Of an MQTT connection; HTTPS has none. */
  readonly clientId: string | undefined;
  /** The thing that the certificate is attached to. */
  readonly thing: string | undefined;
  readonly commonName: string;
}

/** Whether the policy allows it: an explicit Deny wins, what is not allowed is denied. */
export function allows(policy: PolicyDocument | undefined, asked: Action, by: Principal): boolean {
  const matching = (policy?.Statement ?? []).filter((statement) => concerns(statement, asked, by));
  return matching.length > 0 && matching.every(({ Effect }) => Effect === 'Allow');
}

function concerns(statement: Statement, asked: Action, by: Principal): boolean {
  const wanted = resourceOf(asked);
  const { Condition: condition } = statement;
  if (condition !== undefined) {
    if (condition.Bool?.['iot:Connection.Thing.IsAttached'] === undefined) {
      throw new Error(`The double knows no such policy condition: ${JSON.stringify(condition)}`);
    }
    if (thingOfConnection(by) === undefined) return false;
  }
  return (
    listed(statement.Action).some((action) => wildcard(action).test(asked.action)) &&
    listed(statement.Resource).some((resource) => {
      const filled = withVariables(resource, by);
      return (
        filled !== undefined && wildcard(filled.replace(/^arn:aws:iot:[^:]*:\d*:/, '')).test(wanted)
      );
    })
  );
}

function resourceOf(asked: Action): string {
  if ('client' in asked) return `client/${asked.client}`;
  if ('filter' in asked) return `topicfilter/${asked.filter}`;
  if ('thing' in asked) return `thing/${asked.thing}`;
  return `topic/${asked.topic}`;
}

/**
 * thing-policy-variables: only over MQTT, and only when the client id is the name of the thing that
 * the certificate is attached to. Hence no such variable lets HTTPS through.
 */
const thingOfConnection = ({ clientId, thing }: Principal): string | undefined =>
  clientId === thing ? thing : undefined;

/** The resource with its variables replaced; undefined when one of them has no value. */
function withVariables(resource: string, by: Principal): string | undefined {
  let isKnown = true;
  const filled = resource.replaceAll(/\$\{([^}]+)\}/g, (_, name: string) => {
    const value = valueOf(name, by);
    // A value is text: its wildcards mean themselves.
    if (value === undefined || value === '' || /[*?]/.test(value)) isKnown = false;
    return value ?? '';
  });
  return isKnown ? filled : undefined;
}

function valueOf(name: string, by: Principal): string | undefined {
  switch (name) {
    case 'iot:ClientId':
      return by.clientId;
    case 'iot:Connection.Thing.ThingName':
      return thingOfConnection(by);
    case 'iot:Certificate.Subject.CommonName':
      return by.commonName;
    default:
      throw new Error(`The double knows no policy variable \${${name}}`);
  }
}

const listed = (value: string | readonly string[]): readonly string[] =>
  typeof value === 'string' ? [value] : value;

/** pub-sub-policy: `*` any characters, `?` one; `+` and `#` are themselves. */
function wildcard(text: string): RegExp {
  const parts = text.split(/([*?])/).map((part) => {
    if (part === '*') return '.*';
    return part === '?' ? '.' : part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  });
  return new RegExp(`^${parts.join('')}$`, 's');
}
