import { type ASTVisitor, GraphQLError, type ValidationContext } from 'graphql';
import type { Plugin } from 'graphql-yoga';

/** PostgreSQL stores neither NUL nor half of a surrogate pair; nothing that is meant has them. */
function isStorable(text: string): boolean {
  return !text.includes('\u0000') && text.isWellFormed();
}

function refusal(where: string): GraphQLError {
  return new GraphQLError(`${where} must have neither NUL characters nor halves of surrogate pairs`, {
    extensions: { code: 'BAD_USER_INPUT', http: { spec: true, status: 400 } },
  });
}

/** An array or an object of JSON; the files of a multipart request are none. */
export function isJson(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}

/** Where in a value the first text stands that can't be stored; null where there is none. */
function unstorable(value: unknown, path: string): string | null {
  if (typeof value === 'string') return isStorable(value) ? null : path;
  if (!isJson(value)) return null;
  for (const [name, inner] of Object.entries(value)) {
    const found = isStorable(name) ? unstorable(inner, `${path}.${name}`) : path;
    if (found !== null) return found;
  }
  return null;
}

function StorableTextRule(context: ValidationContext): ASTVisitor {
  return {
    StringValue({ value }) {
      if (!isStorable(value)) context.reportError(refusal('a text'));
    },
  };
}

function check(variables: unknown): void {
  const found = unstorable(variables, '$');
  if (found !== null) throw refusal(found.replace('$.', '$'));
}

/** Refuses texts that no table could keep, wherever they come from. */
export function useStorableText(): Plugin {
  return {
    onValidate({ addValidationRule }) {
      addValidationRule(StorableTextRule);
    },
    onExecute({ args }) {
      check(args.variableValues);
    },
    onSubscribe({ args }) {
      check(args.variableValues);
    },
  };
}
