import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
} from 'graphql';
import { expect, it } from 'vitest';
import { createSchema } from '../../src/schema/index.ts';

interface Described {
  readonly name: string;
  readonly description?: string | null | undefined;
}

/** Everything that somebody who explores the API can point at, by its coordinate. */
function* coordinates(): Generator<[string, Described]> {
  for (const type of Object.values(createSchema().getTypeMap())) {
    if (isIntrospectionType(type) || isSpecifiedScalarType(getNamedType(type))) continue;
    if (isScalarType(type)) yield [type.name, type];
    if (isEnumType(type)) for (const value of type.getValues()) yield [`${type.name}.${value.name}`, value];
    if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      yield [`${type.name}.${field.name}`, field];
      if (!('args' in field)) continue;
      for (const arg of field.args) yield [`${type.name}.${field.name}(${arg.name}:)`, arg];
    }
  }
}

it('says of every field, argument, input field and enum value what it is', () => {
  const silent = [...coordinates()].filter(([, { description }]) => !description?.trim());
  expect(silent.map(([coordinate]) => coordinate)).toEqual([]);
});
