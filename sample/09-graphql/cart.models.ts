import { Field, ID, Int, ObjectType } from '@nestjs/graphql';

@ObjectType()
export class CartItem {
  @Field(() => ID)
  readonly product!: string;

  @Field(() => Int)
  readonly quantity!: number;
}

@ObjectType()
export class Cart {
  @Field(() => [CartItem])
  readonly items!: CartItem[];
}

@ObjectType()
export class Order {
  @Field()
  readonly customer!: string;

  @Field(() => [CartItem])
  readonly items!: CartItem[];
}
