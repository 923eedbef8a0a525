import { BadRequestException } from '@nestjs/common';
import { Args, ID, Int, Mutation, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { RequireLogin, Session, SessionService, UserId } from 'nestjs-token-session';
import { Cart, Order, type CartItem } from './cart.models.js';

/** What the session holds: the cart of a visitor, who need not be signed in. */
interface Shopping {
  quantities: Record<string, number>;
}

@Resolver(() => Cart)
export class CartResolver {
  constructor(private readonly sessions: SessionService) {}

  @Query(() => Cart)
  cart(@Session('quantities') quantities: Shopping['quantities'] = {}): Cart {
    return { items: itemsOf(quantities) };
  }

  @ResolveField(() => Boolean)
  isAnonymous(@UserId() userId: string | undefined): boolean {
    return userId === undefined;
  }

  @Mutation(() => Cart)
  async addToCart(
    @Session() session: Session<Shopping>,
    @Args('product', { type: () => ID }) product: string,
    @Args('quantity', { type: () => Int, defaultValue: 1 }) quantity: number,
  ): Promise<Cart> {
    // A transaction: two requests that add the same product at the same time both count.
    await this.sessions.update(session, (draft) => {
      const quantities = new Map(Object.entries(draft.quantities ?? {}));
      quantities.set(product, (quantities.get(product) ?? 0) + quantity);
      draft.quantities = Object.fromEntries(quantities);
    });
    return { items: itemsOf(session.quantities) };
  }

  @Mutation(() => Order)
  @RequireLogin()
  async order(@Session() session: Session<Shopping>, @UserId() customer: string): Promise<Order> {
    let items: CartItem[] = [];
    // What is ordered leaves the cart in one step: of two orders at the same time one finds it empty.
    await this.sessions.update(session, (draft) => {
      items = itemsOf(draft.quantities);
      delete draft.quantities;
    });
    if (items.length === 0) throw new BadRequestException('The cart is empty.');
    return { customer, items };
  }
}

function itemsOf(quantities: Shopping['quantities'] = {}): CartItem[] {
  return Object.entries(quantities).map(([product, quantity]) => ({ product, quantity }));
}
