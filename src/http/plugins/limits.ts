import { complexityFromQuery } from '@pothos/plugin-complexity';
import {
  type ASTVisitor,
  type DocumentNode,
  type FieldNode,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  getVariableValues,
  Kind,
  type SelectionSetNode,
  type ValidationContext,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { isJson } from './storable-text.ts';

export interface OperationLimits {
  /** Of a document's text. */
  readonly tokens: number;
  /** Of fields within fields; introspection has a limit of its own. */
  readonly depth: number;
  readonly aliases: number;
  /** A field is 1; what is below a list counts once for each element that it may have. */
  readonly cost: number;
  /** In variables: texts, numbers, lists and objects, with what is in these. */
  readonly values: number;
}

export const defaultOperationLimits: OperationLimits = {
  tokens: 10_000,
  depth: 15,
  aliases: 100,
  cost: 50_000,
  values: 200_000,
};

function tooComplex(what: string, limit: number): GraphQLError {
  return new GraphQLError(
    `the operation is too complex: ${what}; the limit is ${limit.toLocaleString('en')}`,
    {
      extensions: { code: 'QUERY_TOO_COMPLEX', limit, http: { spec: true, status: 400 } },
    },
  );
}

/** How deep selections go, through fragments. Cycles are for another rule to refuse. */
function createDepth(context: ValidationContext): (selections: SelectionSetNode) => number {
  const ofFragments = new Map<string, number>();

  function ofFragment(name: string): number {
    const known = ofFragments.get(name);
    if (known !== undefined) return known;
    ofFragments.set(name, 0);
    const fragment = context.getFragment(name);
    const depth = fragment ? ofSelections(fragment.selectionSet) : 0;
    ofFragments.set(name, depth);
    return depth;
  }

  function ofSelections({ selections }: SelectionSetNode): number {
    let deepest = 0;
    for (const selection of selections) {
      const depth =
        selection.kind === Kind.FRAGMENT_SPREAD
          ? ofFragment(selection.name.value)
          : selection.kind === Kind.INLINE_FRAGMENT
            ? ofSelections(selection.selectionSet)
            : ofField(selection);
      deepest = Math.max(deepest, depth);
    }
    return deepest;
  }

  function ofField({ name, selectionSet }: FieldNode): number {
    // GraphQL itself bounds introspection.
    if (name.value.startsWith('__')) return 0;
    return 1 + (selectionSet ? ofSelections(selectionSet) : 0);
  }

  return ofSelections;
}

function createRule(limits: OperationLimits) {
  return function LimitsRule(context: ValidationContext): ASTVisitor {
    const depthOf = createDepth(context);
    let aliases = 0;
    return {
      OperationDefinition(operation) {
        const depth = depthOf(operation.selectionSet);
        if (depth > limits.depth) {
          context.reportError(tooComplex(`its fields are ${depth} deep`, limits.depth));
        }
      },
      Field({ alias }) {
        if (alias && ++aliases === limits.aliases + 1) {
          context.reportError(tooComplex('it has more aliases than are allowed', limits.aliases));
        }
      },
    };
  };
}

interface Operation {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variableValues?: Readonly<Record<string, unknown>> | null | undefined;
}

/** The operation that is asked for, alone with the fragments. */
function chosen({ document, operationName }: Operation): DocumentNode | null {
  const operation = getOperationAST(document, operationName);
  if (!operation) return null;
  const fragments = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
  return { ...document, definitions: [operation, ...fragments] };
}

/** So few values are not worth a look of their own at whether they fit. */
const FEW_VALUES = 1_000;
/** That are told of variables that don't fit. */
const MAX_ERRORS = 50;

/** What a value of JSON consists of; an uploaded file is one value, whatever it is made of. */
function partsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return isJson(value) ? Object.values(value) : [];
}

/** How many values the variables have. @throws GraphQLError QUERY_TOO_COMPLEX */
function countValues(variables: unknown, limit: number): number {
  let count = 0;
  for (let level = partsOf(variables); level.length > 0; level = level.flatMap(partsOf)) {
    count += level.length;
    if (count > limit) throw tooComplex('its variables have too many values', limit);
  }
  return count;
}

/** What does not fit costs much more than what does, for each of the errors that tell of it. */
function assertFit({ definitions }: DocumentNode, { schema, variableValues }: Operation): void {
  for (const definition of definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    const variables = definition.variableDefinitions ?? [];
    const { errors = [] } = getVariableValues(schema, variables, variableValues ?? {}, {
      maxErrors: MAX_ERRORS,
    });
    const [first] = errors;
    if (first) throw first;
  }
}

/** @throws GraphQLError QUERY_TOO_COMPLEX, or BAD_USER_INPUT for variables that don't fit */
function checkCost(operation: Operation, limits: OperationLimits): void {
  const document = chosen(operation);
  if (document === null) return;
  const { schema, variableValues } = operation;
  if (countValues(variableValues, limits.values) > FEW_VALUES) assertFit(document, operation);
  const { complexity } = complexityFromQuery(document, { schema, variables: { ...variableValues } });
  if (complexity <= limits.cost) return;
  throw tooComplex(`it costs ${complexity.toLocaleString('en')}`, limits.cost);
}

/** Refuses operations that are too large or too costly, before any of their fields is resolved. */
export function useLimits(limits: OperationLimits = defaultOperationLimits): Plugin {
  const rule = createRule(limits);
  return {
    onParse({ parseFn, setParseFn }) {
      setParseFn((source, options) => {
        try {
          return parseFn(source, { ...options, maxTokens: limits.tokens });
        } catch (error) {
          if (!(error instanceof GraphQLError) || !error.message.includes('tokens. Parsing aborted'))
            throw error;
          throw tooComplex(`it has more than ${limits.tokens.toLocaleString('en')} tokens`, limits.tokens);
        }
      });
    },
    onValidate({ addValidationRule }) {
      addValidationRule(rule);
    },
    onExecute({ args }) {
      checkCost(args, limits);
    },
    onSubscribe({ args }) {
      checkCost(args, limits);
    },
  };
}
